"""Owns the cache of built material: each piece is built once, beside its place, and then renamed into it."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


class MissingError(Exception):
    """A piece cannot be had on this machine; the text says why."""


def cache_root() -> Path:
    """Say where built material is kept."""
    default = Path.home() / ".cache" / "slimconda-tests"
    root = Path(os.environ.get("SLIMCONDA_TEST_CACHE") or default)
    root.mkdir(parents=True, exist_ok=True)
    return root.resolve()


def digest(*parts: str | bytes | Path) -> str:
    """Name a version of a piece after all it is made from; a path stands for its content."""
    state = hashlib.sha256()
    for part in parts:
        data = part.read_bytes() if isinstance(part, Path) else part.encode() if isinstance(part, str) else part
        state.update(len(data).to_bytes(8) + data)
    return state.hexdigest()[:16]


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Let one session at a time make what has this name; the others wait, and then find it made."""
    with (cache_root() / f".{digest(name)}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def piece(name: str, key: str, build: Callable[[Path], None]) -> Path:
    """Return the folder NAME-KEY, filled by BUILD if it is not there yet."""
    target = cache_root() / f"{name}-{key}"
    with locked(target.name):
        if not target.is_dir():
            fill(target, build)
    return target


def fill(target: Path, build: Callable[[Path], None]) -> None:
    """Build a piece beside its place and move it there, so that none is ever seen half made."""
    name, beside = f".{target.name}-", target.parent
    with tempfile.TemporaryDirectory(dir=beside, prefix=name, ignore_cleanup_errors=True) as folder:
        content = Path(folder) / "content"
        content.mkdir()
        build(content)
        content.rename(target)


def tool(name: str) -> str:
    """Find a program, or say that it is missing."""
    found = shutil.which(name)
    if found is None:
        raise MissingError(f"the program {name} is not installed")
    return found


def run(command: Sequence[str | Path], *, stdin: str | None = None, env: dict[str, str] | None = None) -> str:
    """Run a command to its end; a failure carries everything that it printed."""
    result = subprocess.run(
        [str(word) for word in command],
        input=stdin if stdin is not None else "",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        env={**os.environ, **(env or {})},
    )
    if result.returncode != 0:
        line = " ".join(str(word) for word in command)
        raise CommandError(f"{line}\nended with {result.returncode}:\n{result.stdout}", result.returncode)
    return result.stdout


class CommandError(Exception):
    """A command ended with another status than 0; the text is what it printed."""

    def __init__(self, output: str, status: int) -> None:
        super().__init__(output)
        self.output = output
        self.status = status


def install_wheels(target: Path, *requirements: str, programs: bool = False) -> None:
    """Install PyPI wheels for the images' Python into a plain folder, whatever Python runs the tests.

    Their programs, in bin/, are left out unless asked for: scripts would name the Python that runs the tests.
    """
    run(
        [
            tool("uv"),
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--only-binary=:all:",
            "--python-version=3.11",
            "--python-platform=x86_64-manylinux_2_28",
            "--link-mode=copy",
            f"--target={target}",
            *requirements,
        ]
    )
    for leftover in (target / ".lock", *(() if programs else (target / "bin",))):
        shutil.rmtree(leftover, ignore_errors=True)
        leftover.unlink(missing_ok=True)
