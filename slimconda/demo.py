"""Owns the demonstration: a small honest image archive with a package cache in it, made here without Docker.

The packages are random bytes, so that the archives do not compress, as real ones do not; all sizes that the
demonstration shows are measured from the archives that it wrote, by the same code that inspects any image.
"""

import hashlib
import io
import json
import random
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from slimconda.config import Config
from slimconda.image_linter import lint_image
from slimconda.layers.image import Image, open_image
from slimconda.linter import lint
from slimconda.reporters import diff, text
from slimconda.rewriter import rewrite
from slimconda.source import Source
from slimconda.units import size_text

DOCKERFILE = b"""\
FROM demo/conda
RUN conda install -y numpy pandas
RUN conda clean --all --yes
"""
PREFIX = "opt/conda"
PACKAGES = {"numpy-2.1-0": 6_000_000, "pandas-2.2-0": 9_000_000}
Member = tuple[str, bytes | None, str]
"""A name, a content (None for a hard link), and a link's target."""


@dataclass(frozen=True)
class Step:
    """An instruction of the demonstration and the members of its layer."""

    created_by: str
    members: tuple[Member, ...]


def run() -> Iterator[str]:
    """Yield the parts of the demonstration, each as soon as it is known. Everything is made in a temporary folder."""
    source = Source("Dockerfile", DOCKERFILE)
    yield _titled("A Dockerfile", DOCKERFILE.decode())
    yield _titled("slimconda lint", text.render(lint(source, Config())))
    fixed = rewrite(source, Config())
    yield _titled("slimconda fix --diff", diff.render(source.path, source.data, fixed.data).decode())
    with tempfile.TemporaryDirectory(prefix="slimconda-demo-") as folder:
        before = _written(Path(folder) / "before.tar", [_base(), _install(cleaned=False), _later_clean()])
        yield _titled("slimconda inspect before.tar", _inspected(before))
        after = _written(Path(folder) / "after.tar", [_base(), _install(cleaned=True)])
        yield _titled("slimconda inspect after.tar", _inspected(after))
    yield _saving(before, after)


def _titled(title: str, body: str) -> str:
    return f"== {title}\n\n{body.rstrip()}\n\n"


def _inspected(image: Image) -> str:
    from slimconda.reporters import inspect_text

    return inspect_text.render(image, lint_image(image, Config()))


def _saving(before: Image, after: Image) -> str:
    saved = before.size - after.size
    announced = sum(layer.clean.all for layer in before.layers)
    return (
        f"The fix makes the image {size_text(saved)} smaller: {before.size:,} -> {after.size:,} bytes "
        f"({100 * saved / before.size:.0f} %).\nA clean in the same layer was announced to save {announced:,} bytes; "
        f"it saved {saved:,}.\n"
    )


def _base() -> Step:
    return Step("FROM demo/conda", ((f"{PREFIX}/bin/conda", _bytes("conda", 3_000_000), ""),))


def _install(*, cleaned: bool) -> Step:
    """Return the layer of the install: what conda links into the prefix, and its package cache unless cleaned."""
    members: list[Member] = []
    for name, size in PACKAGES.items():
        library = f"{PREFIX}/lib/{name}.so"
        members.append((library, _bytes(name, size), ""))
        members.append((f"{PREFIX}/conda-meta/{name}.json", json.dumps({"name": name}).encode(), ""))
        members.append((f"{PREFIX}/pkgs/{name}/lib/{name}.so", None, library))
        members.append((f"{PREFIX}/pkgs/{name}/info/index.json", json.dumps({"dist": name}).encode(), ""))
        if not cleaned:
            members.append((f"{PREFIX}/pkgs/{name}.conda", _bytes(f"{name}.conda", size * 2 // 5), ""))
    urls = "".join(f"https://conda.example.org/demo/linux-64/{name}.conda\n" for name in PACKAGES)
    members.append((f"{PREFIX}/pkgs/urls.txt", urls.encode(), ""))
    if not cleaned:
        members.append((f"{PREFIX}/pkgs/cache/0b4f2a1c.json", _index(), ""))
    command = DOCKERFILE.decode().splitlines()[1].removeprefix("RUN ")
    return Step(f"/bin/sh -c {command}" + (" && conda clean --all --yes" if cleaned else ""), tuple(members))


def _later_clean() -> Step:
    hidden = [f"{PREFIX}/pkgs/.wh.{name}.conda" for name in PACKAGES] + [f"{PREFIX}/pkgs/.wh.cache"]
    return Step("/bin/sh -c conda clean --all --yes", tuple((name, b"", "") for name in hidden))


def _bytes(seed: str, size: int) -> bytes:
    return random.Random(seed).randbytes(size)  # noqa: S311


def _index() -> bytes:
    return json.dumps(
        {f"package-{number}": hashlib.sha256(b"%d" % number).hexdigest() for number in range(20_000)}
    ).encode()


def _written(path: Path, steps: list[Step]) -> Image:
    """Write the archive of an image as `docker save` does, and open it."""
    layers = [_layer_tar(step.members) for step in steps]
    config = {
        "architecture": "amd64",
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in layers]},
        "history": [{"created_by": step.created_by} for step in steps],
    }
    files = {f"{number}/layer.tar": layer for number, layer in enumerate(layers)}
    manifest = [{"Config": "config.json", "RepoTags": ["demo:latest"], "Layers": list(files)}]
    files |= {"config.json": json.dumps(config).encode(), "manifest.json": json.dumps(manifest).encode()}
    path.write_bytes(_tar([(name, data, "") for name, data in files.items()]))
    return open_image(str(path))


def _layer_tar(members: tuple[Member, ...]) -> bytes:
    return _tar(sorted(members, key=lambda member: member[0]))


def _tar(members: list[Member]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, data, target in members:
            info = tarfile.TarInfo(name)
            info.size = len(data or b"")
            if data is None:
                info.type, info.linkname = tarfile.LNKTYPE, target
            tar.addfile(info, io.BytesIO(data or b""))
    return buffer.getvalue()
