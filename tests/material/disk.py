"""Owns conda installations on this disk: a small channel, and a root with environments, made by the real conda 4.3.16."""

from __future__ import annotations

import asyncio
import bz2
import os
import random
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import rattler_build
from rattler.index import index_fs

from . import conda43, store

SETTINGS = """\
root_dir: {root}
channels: ["{channel}"]
default_channels: ["{channel}"]
channel_alias: file:///none
add_pip_as_python_dependency: false
auto_update_conda: false
"""
PACKAGES = (
    ("tool", "1.0", 300_000, ()),
    ("tool", "2.0", 310_000, ()),
    ("lib", "1.0", 700_000, ()),
    ("app", "1.0", 123_456, ("tool", "lib")),
)


@dataclass(frozen=True)
class Installation:
    """A root prefix with a home of its own, and the conda that made it."""

    folder: Path

    @property
    def root(self) -> Path:
        """Return the root prefix."""
        return self.folder / "root"

    @property
    def home(self) -> Path:
        """Return the home folder, with .condarc."""
        return self.folder / "home"

    @property
    def environment(self) -> dict[str, str]:
        """Return the variables that lead conda, and slimconda, to this installation alone."""
        return {"HOME": str(self.home), "PATH": os.environ["PATH"]}

    def conda(self, *words: str, **variables: str) -> str:
        """Run conda 4.3.16."""
        python = conda43.python37() / "bin/python3.7"
        command = [python, "-IB", "-W", "ignore", conda43.tree() / "opt/tool", *words]
        return run(command, self.environment | variables)

    def configure(self, text: str = "", *, channel: Path | None = None) -> None:
        """Write .condarc, with further settings."""
        settings = SETTINGS.format(root=self.root, channel=(channel or small_channel()).as_uri())
        (self.home / ".condarc").write_text(settings + text)


def run(command: list[object], environment: dict[str, str]) -> str:
    """Run a command in an environment of its own."""
    words = [str(word) for word in command]
    result = subprocess.run(
        words, env=environment, text=True, stdin=subprocess.DEVNULL, stdout=-1, stderr=-2, check=False
    )
    if result.returncode:
        raise store.CommandError(f"{' '.join(words)}\n{result.stdout}", result.returncode)
    return result.stdout


def small_channel() -> Path:
    """Return a channel of four packages with libraries, headers and links."""
    return store.piece("small43", store.digest(Path(__file__)), make_channel)


def make_channel(folder: Path) -> None:
    """Pack, index, and write the index that conda 4.3 reads."""
    for subdir in ("linux-64", "noarch", "work"):
        (folder / subdir).mkdir()
    for name, version, size, depends in PACKAGES:
        files = folder / "work" / f"{name}-{version}"
        for part in ("bin", "include", "lib"):
            (files / part).mkdir(parents=True)
        (files / f"lib/{name}.bin").write_bytes(random.Random(name + version).randbytes(size))
        (files / f"lib/lib{name}.a").write_bytes(b"a" * 5000)
        (files / f"lib/{name}.pyc").write_bytes(b"p" * 3000)
        (files / f"include/{name}.h").write_text(f"// {version}\n")
        (files / f"bin/{name}").symlink_to(f"../lib/{name}.bin")
        rattler_build.assemble_package(
            name,
            version,
            "linux-64",
            "h0_0",
            folder / "linux-64",
            files_dir=files,
            depends=list(depends),
            archive_type=rattler_build.ArchiveType.TarBz2,
            detect_prefix=False,
        )
    shutil.rmtree(folder / "work")
    asyncio.run(index_fs(folder))
    for index in folder.glob("*/repodata.json"):
        index.with_name("repodata.json.bz2").write_bytes(bz2.compress(index.read_bytes()))


def make_installation(folder: Path) -> Installation:
    """Make a root with three environments: two share, one holds a copy; tool 2.0 is in no environment any more."""
    made = Installation(folder)
    made.home.mkdir(parents=True)
    (made.root / "conda-meta").mkdir(parents=True)
    (made.root / "conda-meta/history").touch()
    (made.root / "conda-bld").mkdir()  # conda 4.3's `clean --all` makes this folder, if it is not there
    made.configure()
    made.conda("create", "-y", "-p", str(made.root / "envs/a"), "app", "tool=1.0")
    made.conda("create", "-y", "-p", str(made.root / "envs/b"), "app", "tool=1.0")
    made.conda("create", "-y", "-p", str(made.root / "envs/copied"), "--copy", "lib")
    made.conda("create", "-y", "-p", str(made.root / "envs/gone"), "tool=2.0")
    shutil.rmtree(made.root / "envs/gone")
    return made


def copy_installation(made: Installation, folder: Path) -> Installation:
    """Copy an installation with its hard links, and lead its settings to the new place."""
    store.run([store.tool("cp"), "-a", made.folder, folder])
    copied = Installation(folder)
    copied.configure()
    return copied


def measured(*folders: Path) -> tuple[int, int]:
    """Return allocated bytes, and bytes of files and links, of each inode once, as GNU find tells them."""
    inodes: dict[tuple[str, str], tuple[int, int]] = {}
    for folder in folders:
        for line in store.run([store.tool("find"), folder, "-printf", "%D %i %b %s %y\\n"]).splitlines():
            device, inode, blocks, size, kind = line.split()
            inodes[device, inode] = (int(blocks) * 512, int(size) if kind in "fl" else 0)
    return sum(blocks for blocks, _ in inodes.values()), sum(size for _, size in inodes.values())
