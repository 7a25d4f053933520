"""Owns the names under which a daemon sends layers, told from the digests of their plain tars that it states."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

# What a version 1 configuration says of a layer that is not the uppermost one: nothing.
NOTHING: dict[str, Any] = {
    "Hostname": "",
    "Domainname": "",
    "User": "",
    **dict.fromkeys(("AttachStdin", "AttachStdout", "AttachStderr", "Tty", "OpenStdin", "StdinOnce"), False),
    **dict.fromkeys(("Env", "Cmd")),
    "Image": "",
    "Volumes": None,
    "WorkingDir": "",
    **dict.fromkeys(("Entrypoint", "OnBuild", "Labels")),
}
BEGINNING = "1970-01-01T00:00:00Z"


def names_of(digests: Sequence[str]) -> dict[str, str]:
    """Return by its name which digest each layer has, for all names that only a layer of that digest can have.

    `digests` are those of an image's layers, lowest first. Docker 25 and later name a plain layer by its digest, as
    podman does; before that the name is a digest of all digests up to the layer's (run on Docker 20.10), but for the
    uppermost one, which is named by the image's configuration.
    """
    names: dict[str, str] = {}
    for digest in digests:
        bare = digest.removeprefix("sha256:")
        names |= {f"blobs/sha256/{bare}": digest, f"{bare}.tar": digest}
    names |= dict(zip(_version_1_names(digests[:-1]), digests[:-1], strict=True))
    return names


def _version_1_names(digests: Sequence[str]) -> list[str]:
    names: list[str] = []
    chain = parent = ""
    for digest in digests:
        chain = f"sha256:{_digest(f'{chain} {digest}')}" if chain else digest
        above = {"parent": f"sha256:{parent}"} if parent else {}
        content = {"container_config": NOTHING, "created": BEGINNING, "layer_id": chain} | above
        parent = _digest(json.dumps(content, separators=(",", ":")))
        names.append(f"{parent}/layer.tar")
    return names


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
