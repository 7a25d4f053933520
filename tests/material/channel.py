"""Owns the conda channel: archives of Debian's Python, of PyPI wheels and of two packages of exact size."""

from __future__ import annotations

import asyncio
import bz2
import random
import shutil
import tarfile
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

import rattler_build
from rattler.index import index_fs

from . import store

PYTHON_VERSION = "3.11.2"
SITE = "lib/python3.11/site-packages"
WHEELS: dict[str, tuple[str, tuple[str, ...]]] = {
    "certifi": ("2025.1.31", ()),
    "charset-normalizer": ("3.4.1", ()),
    "idna": ("3.10", ()),
    "numpy": ("2.2.6", ()),
    "requests": ("2.32.3", ("certifi", "charset-normalizer", "idna", "urllib3")),
    "urllib3": ("2.3.0", ()),
}
SIZES = {"alpha": 2_000_000, "beta": 1_000_000}
"""Bytes that do not compress, in `<package>/data.bin`; beta depends on alpha."""

PACKAGES = ("python", *SIZES, *WHEELS)

# Debian's Python looks for dist-packages only; conda's environments have site-packages.
SITECUSTOMIZE = f"""\
import site, sys
if sys.prefix == sys.base_prefix:
    site.addsitedir(sys.prefix + "/{SITE}")
"""
MADE = datetime(2025, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Part:
    """One package before it is packed."""

    name: str
    version: str
    files: Path
    depends: tuple[str, ...] = ()


def channel(base_tar: Path, *, old: bool) -> Path:
    """Return a channel; an old one holds only .tar.bz2 in linux-64 and the index that conda 4.3 reads."""
    key = store.digest(Path(__file__), Path(store.__file__), base_tar.parent.name)
    return store.piece("channel43" if old else "channel", key, lambda folder: make(folder, base_tar, old=old))


def make(folder: Path, base_tar: Path, *, old: bool) -> None:
    """Pack every package and index them."""
    for subdir in ("linux-64", "noarch"):
        (folder / subdir).mkdir()
    with tempfile.TemporaryDirectory() as work:
        for part in parts(Path(work), base_tar):
            pack(part, folder, old=old)
    asyncio.run(index_fs(folder))
    for index in folder.glob("*/repodata.json") if old else ():
        index.with_name("repodata.json.bz2").write_bytes(bz2.compress(index.read_bytes()))


def pack(part: Part, folder: Path, *, old: bool) -> None:
    """Make one archive; of the two of exact size one is of the old kind, as both kinds are met in caches."""
    bzip = old or part.name == "beta"
    rattler_build.assemble_package(
        part.name,
        part.version,
        "linux-64",
        "py311_0" if part.depends else "h0_0",
        folder / "linux-64",
        files_dir=part.files,
        depends=list(part.depends),
        archive_type=rattler_build.ArchiveType.TarBz2 if bzip else rattler_build.ArchiveType.Conda,
        timestamp=MADE,
        detect_prefix=False,
    )


def parts(work: Path, base_tar: Path) -> list[Part]:
    """Lay out the files of every package."""
    made = [Part("python", PYTHON_VERSION, debian_python(work / "python", base_tar))]
    for name, size in SIZES.items():
        module = work / name / SITE / name
        module.mkdir(parents=True)
        (module / "__init__.py").write_text(f'"""The test package {name}."""\n')
        (module / "data.bin").write_bytes(random.Random(name).randbytes(size))
        depends = ("python",) if name == "alpha" else ("python", "alpha")
        made.append(Part(name, "1.0", work / name, depends))
    for name, (version, needs) in WHEELS.items():
        store.install_wheels(work / name / SITE, f"{name}=={version}")
        made.append(Part(name, version, work / name, ("python", *needs)))
    return made


def debian_python(folder: Path, base_tar: Path) -> Path:
    """Lay the base image's own Python out as a conda package: it needs no library that the image lacks."""
    with tarfile.open(base_tar) as tar:
        for member in tar:
            name = member.name.removeprefix("./")
            if name == "usr/bin/python3.11":
                place(tar, member, folder / "bin/python3.11")
            elif name.startswith("usr/lib/python3.11/") and "__pycache__" not in name:
                place(tar, member, folder / PurePosixPath(name).relative_to("usr"))
    for alias in ("python", "python3"):
        (folder / "bin" / alias).symlink_to("python3.11")
    (folder / "lib/python3.11/sitecustomize.py").unlink(missing_ok=True)
    (folder / "lib/python3.11/sitecustomize.py").write_text(SITECUSTOMIZE)
    return folder


def place(tar: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
    """Write one regular file; the few links into /etc and the folders are not part of the package."""
    source = tar.extractfile(member) if member.isreg() else None
    if source is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as target:
            shutil.copyfileobj(source, target)
        path.chmod(member.mode)
