"""Owns a podman with images of its own, beside the Docker daemon, and its service, which speaks Docker's API."""

from __future__ import annotations

import shlex
import subprocess
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from . import images, store

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Podman:
    """A podman with images of its own, in a folder."""

    folder: Path

    def command(self, *words: str | Path) -> list[str | Path]:
        """Return the command line of a podman command."""
        return [store.tool("podman"), f"--root={self.folder}/root", f"--runroot={self.folder}/run", *words]

    def program(self) -> Path:
        """Return a program that is this podman, as others may call it."""
        script = self.folder / "podman"
        script.write_text(f'#!/bin/sh\nexec {shlex.join(map(str, self.command()))} "$@"\n')
        script.chmod(0o755)
        return script

    @contextmanager
    def service(self) -> Iterator[str]:
        """Give the address at which its service answers."""
        socket = self.folder / "podman.sock"
        with subprocess.Popen(
            [str(word) for word in self.command("system", "service", "--time=0", f"unix://{socket}")]
        ) as process:
            try:
                for _ in range(300):
                    if socket.exists():
                        break
                    time.sleep(0.1)
                yield f"unix://{socket}"
            finally:
                process.terminate()

    def take(self, tag: str) -> None:
        """Take an image of the Docker daemon."""
        archive = self.folder / "image.tar"
        store.run([images.docker(), "save", f"--output={archive}", tag])
        store.run(self.command("load", "--quiet", f"--input={archive}"))
        archive.unlink()

    def build(self, dockerfile: str, tag: str, *options: str) -> None:
        """Build a Dockerfile, whose base images are podman's."""
        (self.folder / "context").mkdir(exist_ok=True)
        (self.folder / "Dockerfile").write_text(dockerfile.replace("FROM ", "FROM localhost/"))
        words = ["build", "--isolation=chroot", "--network=host", "--pull=never", f"--tag={tag}", *options]
        store.run(self.command(*words, f"--file={self.folder}/Dockerfile", self.folder / "context"))

    def give(self, tag: str) -> None:
        """Give an image to the Docker daemon, as podman's archive has it."""
        archive = self.folder / "image.tar"
        archive.unlink(missing_ok=True)
        store.run(self.command("save", "--quiet", "--format=docker-archive", f"--output={archive}", tag))
        store.run([images.docker(), "load", "--quiet", f"--input={archive}"])
        store.run([images.docker(), "tag", f"localhost/{tag}", tag])
        store.run([images.docker(), "rmi", f"localhost/{tag}"])
        archive.unlink()


@contextmanager
def podman(base: str) -> Iterator[Podman]:
    """Give a podman that has a base image; all of its images go at the end."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        found = Podman(Path(folder))
        found.take(base)
        try:
            yield found
        finally:
            store.run(found.command("rmi", "--all", "--force"))
