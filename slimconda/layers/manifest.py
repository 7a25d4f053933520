"""Owns the JSON of images: from manifest.json or index.json to the list of layers, lowest first, with their history."""

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from slimconda.errors import ImageError

DIGEST = re.compile(r"(sha256):([0-9a-f]{64})|(sha512):([0-9a-f]{128})")
DEEPEST_INDEX = 4


@dataclass(frozen=True)
class LayerSource:
    """Where a layer lies in an archive, the digest of its plain tar ("" if not told), and what made it.

    `entry` is the index of its history entry, oldest first. `counts_symlinks` tells whether Docker's own history counts
    the targets of symlinks: not where BuildKit made the layer on the same machine (run on Docker 20.10), else always.
    """

    path: str
    digest: str
    created_by: str
    entry: int | None = None
    counts_symlinks: bool = True


@dataclass(frozen=True)
class Documents:
    """An archive's files: `read` returns one's bytes and raises ImageError, `has` tells whether one is there."""

    read: Callable[[str], bytes]
    has: Callable[[str], bool]


def read_layers(documents: Documents, name: str | None) -> list[LayerSource]:
    """Return the layers of the image with that name, or of the only one.

    Raises ImageError where the archive is no image, is incomplete, or holds several and no name chooses.
    """
    if documents.has("manifest.json"):
        return _docker_layers(documents, name)
    if documents.has("index.json"):
        return _oci_layers(documents, name)
    raise ImageError("not an image: it has neither manifest.json nor index.json")


def _docker_layers(documents: Documents, name: str | None) -> list[LayerSource]:
    images = _load(documents, "manifest.json")
    if not isinstance(images, list) or not all(isinstance(image, dict) for image in images):
        raise ImageError("manifest.json is not a list of images")
    image = _chosen([(image, _texts(image.get("RepoTags") or [], "RepoTags")) for image in images], name)
    config = _text(image.get("Config"), "Config in manifest.json")
    return _joined(_texts(image.get("Layers") or [], "Layers"), _load(documents, config), config)


def _chosen(images: list[tuple[dict[str, Any], list[str]]], name: str | None) -> dict[str, Any]:
    if name is not None:
        images = [(image, names) for image, names in images if name in names or f"{name}:latest" in names]
    if len(images) == 1:
        return images[0][0]
    if not images:
        raise ImageError(f"it holds no image {name}" if name is not None else "it holds no image")
    every = ", ".join(names[0] if names else "one without a name" for _, names in images)
    raise ImageError(f"it holds {len(images)} images ({every}); save the one you mean alone")


def _oci_layers(documents: Documents, name: str | None) -> list[LayerSource]:
    index = _object(_load(documents, "index.json"), "index.json")
    found = list(_manifests(documents, index, DEEPEST_INDEX))
    images = [(manifest, _oci_names(manifest)) for manifest in found if documents.has(_blob(manifest))]
    if found and not images:
        raise ImageError(f"{_blob(found[0])} is missing")
    manifest = _object(_load(documents, path := _blob(_chosen(images, name))), path)
    config = _blob(_object(manifest.get("config"), f"config in {path}"))
    layers = _list(manifest.get("layers"), f"layers in {path}")
    return _joined([_blob(_object(layer, f"a layer in {path}")) for layer in layers], _load(documents, config), config)


def _manifests(documents: Documents, index: dict[str, Any], depth: int) -> Iterable[dict[str, Any]]:
    """Yield the descriptors of image manifests, also of nested indexes; attestations are no images."""
    for entry in _list(index.get("manifests"), "manifests in an index"):
        descriptor = _object(entry, "an index entry")
        if _is_attestation(descriptor):
            continue
        path = _blob(descriptor)
        nested = _object(_load(documents, path), path) if documents.has(path) else {}
        if "manifests" not in nested:
            yield descriptor
        elif depth:
            yield from _manifests(documents, nested, depth - 1)


def _is_attestation(descriptor: dict[str, Any]) -> bool:
    platform = descriptor.get("platform")
    return isinstance(platform, dict) and platform.get("os") == "unknown"


def _oci_names(descriptor: dict[str, Any]) -> list[str]:
    annotations = descriptor.get("annotations")
    keys = ("io.containerd.image.name", "org.opencontainers.image.ref.name")
    return [str(annotations[key]) for key in keys if key in annotations] if isinstance(annotations, dict) else []


def _joined(paths: list[str], content: object, source: str) -> list[LayerSource]:
    """Zip layers with digests and with the history entries that made a layer; history is optional."""
    config = _object(content, source)
    rootfs = config.get("rootfs")
    digests = _texts(rootfs.get("diff_ids") or [], "diff_ids") if isinstance(rootfs, dict) else []
    if digests and len(digests) != len(paths):
        raise ImageError(f"it lists {len(paths)} layers, but {source} has {len(digests)} diff_ids")
    history = config.get("history")
    entries = [entry for entry in history if isinstance(entry, dict)] if isinstance(history, list) else []
    made = [number for number, entry in enumerate(entries) if entry.get("empty_layer") is not True]
    told = zip(paths, digests or [""] * len(paths), strict=True)
    if len(made) != len(paths):
        return [LayerSource(path, digest, "") for path, digest in told]
    return [_told(path, digest, entries[number], number) for (path, digest), number in zip(told, made, strict=True)]


def _told(path: str, digest: str, entry: dict[str, Any], number: int) -> LayerSource:
    by_buildkit = str(entry.get("comment") or "").startswith("buildkit.")
    return LayerSource(path, digest, str(entry.get("created_by") or ""), number, not by_buildkit)


def _load(documents: Documents, path: str) -> object:
    try:
        return json.loads(documents.read(path))
    except (ValueError, RecursionError):
        raise ImageError(f"{path} is not JSON") from None


def _blob(descriptor: dict[str, Any]) -> str:
    """Return the path of the blob that a descriptor names; a digest that is none could name any file."""
    match = DIGEST.fullmatch(_text(descriptor.get("digest"), "a digest"))
    if match is None:
        raise ImageError(f"bad digest {descriptor['digest'][:80]!r}")
    kind, digits = (group for group in match.groups() if group)
    return f"blobs/{kind}/{digits}"


def _object(value: object, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ImageError(f"{what} is not a JSON object")
    return value


def _list(value: object, what: str) -> list[object]:
    if not isinstance(value, list):
        raise ImageError(f"{what} is not a list")
    return value


def _text(value: object, what: str) -> str:
    if not isinstance(value, str) or not value:
        raise ImageError(f"{what} is missing or not a text")
    return value


def _texts(value: object, what: str) -> list[str]:
    return [_text(text, f"an entry of {what}") for text in _list(value, what)]
