"""Writes the image that inspect is measured on: conda's hard-link structure, at least 2.5 GB and 100,000 files.

The sizes follow a conda layer that was measured (2.66 GB, 118,351 entries, 50,016 hard links; archives a fifth of it):
each package lies extracted in pkgs/, most of its files are hard-linked into the prefix, and its archive is kept.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import random
import tarfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PREFIX = "opt/conda"
PACKAGES = 250
FILES = 200  # of one package
ARCHIVE = 2_000_000  # bytes
LIBRARY = 4_800_000
Entry = tuple[str, int, str]
"""A name, a size, and a hard link's target."""


def layers() -> list[tuple[str, list[Entry]]]:
    """Return what made each layer, and its entries in the order of a built layer."""
    base = [(f"usr/lib/x86_64-linux-gnu/{number // 100}/lib{number}.so", 40_000, "") for number in range(3000)]
    install = sorted(entry for number in range(PACKAGES) for entry in _package(number))
    later = [(f"opt/app/site/{number // 50}/module_{number}.py", 6_000, "") for number in range(5000)]
    return [
        ("/bin/sh -c #(nop) ADD file:1 in / ", base),
        ("/bin/sh -c conda install -y everything", install),
        ("/bin/sh -c conda clean --all --yes", _whiteouts()),
        ("/bin/sh -c #(nop) COPY dir:2 in /opt/app ", later),
    ]


def _package(number: int) -> Iterator[Entry]:
    """Yield a package's files: their names in the prefix sort before those in pkgs/, so these are the links."""
    chance, name = random.Random(number), f"package{number}-1.{number}.0-py311h{number:06x}_0"
    for file in range(FILES):
        size = LIBRARY if file == 0 else int(chance.lognormvariate(8, 1.3))
        inner = f"lib/python3.11/site-packages/package{number}/part{file // 25}/module_{file}.py"
        yield f"{PREFIX}/{inner}", size, ""
        yield f"{PREFIX}/pkgs/{name}/{inner}", 0, f"{PREFIX}/{inner}"
    yield f"{PREFIX}/pkgs/{name}/info/index.json", 700, ""
    yield f"{PREFIX}/pkgs/{name}/info/repodata_record.json", 1500, ""
    yield f"{PREFIX}/pkgs/{name}.conda", ARCHIVE + 8000 * number, ""
    yield f"{PREFIX}/conda-meta/{name}.json", 20_000, ""


def million() -> list[tuple[str, list[Entry]]]:
    """Return one layer of a million names, half of them hard links, of small files: what it takes is memory."""
    entries = []
    for number in range(2500):
        inner = f"lib/python3.11/site-packages/package{number}"
        for file in range(200):
            name = f"{PREFIX}/{inner}/part{file // 25}/module_{file}.py"
            entries.append((name, 10 + file, ""))
            entries.append((f"{PREFIX}/pkgs/package{number}-1.{number}-0/{name.removeprefix(PREFIX + '/')}", 0, name))
    return [("/bin/sh -c conda install -y everything", sorted(entries))]


def _whiteouts() -> list[Entry]:
    return [
        (f"{PREFIX}/pkgs/.wh.package{number}-1.{number}.0-py311h{number:06x}_0.conda", 0, "")
        for number in range(PACKAGES)
    ]


def write_layers(folder: Path, made: list[tuple[str, list[Entry]]]) -> list[Path]:
    """Write the layers as plain tars; half of each file is random, so that they compress as real ones do.

    Their headers are ustar's with prefixes, as those in what `docker save` sends (Docker 28.2).
    """
    paths = []
    for index, (_, entries) in enumerate(made):
        path = folder / f"{index}.tar"
        with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
            for name, size, target in entries:
                info = tarfile.TarInfo(name)
                info.size = size
                if target:
                    info.type, info.linkname = tarfile.LNKTYPE, target
                tar.addfile(info, io.BytesIO(_content(name, size)) if size else None)
        paths.append(path)
    return paths


def _content(name: str, size: int) -> bytes:
    if name.endswith(".conda"):
        return os.urandom(size)
    half = os.urandom(size // 3)
    return half + (half * 3)[: size - len(half)] if size < 20_000 else half + b"lib" * (size // 3) + bytes(size % 3 + 2)


def digest(path: Path) -> str:
    """Return the file's SHA-256 as an image names it."""
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def write_archive(path: Path, made: list[tuple[str, list[Entry]]], blobs: list[Path], plain: list[Path]) -> None:
    """Write an image archive as docker save does; its layers, `made` and written plain, are as they are in `blobs`."""
    config = {
        "architecture": "amd64",
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [digest(tar) for tar in plain]},
        "history": [{"created_by": created_by} for created_by, _ in made],
    }
    names = [f"blobs/sha256/{digest(blob).removeprefix('sha256:')}" for blob in blobs]
    manifest = [{"Config": "config.json", "RepoTags": ["slimconda-bench:1"], "Layers": names}]
    with tarfile.open(path, "w") as tar:
        for name, blob in zip(names, blobs, strict=True):
            tar.add(blob, name)
        for name, content in (("config.json", config), ("manifest.json", manifest)):
            data = json.dumps(content).encode()
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
