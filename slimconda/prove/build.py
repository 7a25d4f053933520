"""Owns the talk with the docker program: building a Dockerfile's text, and exporting an image's merged files."""

import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from slimconda.errors import BuildError

# An image without CMD takes a command when a container of it is created; it never runs.
NEVER_RUN = "-"
NAME = "slimconda-prove"


@dataclass(frozen=True)
class Recipe:
    """How to build: the docker program, the build context, and further arguments of `docker build`.

    `dockerfile` is the file that is proved; a `NAME.dockerignore` beside it counts, as BuildKit has it.
    """

    dockerfile: Path
    context: Path
    arguments: tuple[str, ...] = ()
    program: str = "docker"


@contextmanager
def built(recipe: Recipe, text: bytes, name: str, log: IO[str]) -> Iterator[str]:
    """Build a text in the place of the recipe's Dockerfile and give the image's tag; the tag is removed at the end.

    What the build says goes to `log`, which must be a real file. Raises BuildError.
    """
    tag = f"{NAME}:{name}-{secrets.token_hex(6)}"
    try:
        if status := _build(recipe, text, tag, log):
            raise BuildError(
                f"{recipe.dockerfile}: the build {name} the fix failed (docker build exited with {status})"
            )
        yield tag
    finally:
        _quietly([recipe.program, "image", "rm", "--force", tag])


def _build(recipe: Recipe, text: bytes, tag: str, log: IO[str]) -> int:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "Dockerfile"
        path.write_bytes(text)
        ignored = recipe.dockerfile.with_name(f"{recipe.dockerfile.name}.dockerignore")
        if ignored.is_file():
            shutil.copyfile(ignored, f"{path}.dockerignore")
        options = [f"--file={path}", f"--tag={tag}", *recipe.arguments]
        return _run([recipe.program, "build", *options, "--", str(recipe.context)], log)


def _run(command: list[str], log: IO[str]) -> int:
    try:
        return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False).returncode  # noqa: S603
    except OSError as error:
        raise BuildError(f"{command[0]}: cannot be run: {error.strerror}") from None


@contextmanager
def exported(program: str, tag: str, log: IO[str]) -> Iterator[IO[bytes]]:
    """Give a tar of an image's files, all layers merged; raises BuildError."""
    container = f"{NAME}-{secrets.token_hex(6)}"
    try:
        if status := _run([program, "create", f"--name={container}", tag, NEVER_RUN], log):
            raise BuildError(f"{tag}: no container can be made of it (docker create exited with {status})")
        with subprocess.Popen([program, "export", container], stdout=subprocess.PIPE, stderr=log) as process:  # noqa: S603
            assert process.stdout is not None  # noqa: S101  # it is a pipe
            yield process.stdout
            process.stdout.read()
        if process.returncode:
            raise BuildError(f"{tag}: cannot be exported (docker export exited with {process.returncode})")
    finally:
        _quietly([program, "rm", "--force", "--volumes", container])


def _quietly(command: list[str]) -> None:
    """Run what tidies up: also where nothing was made, or docker is missing, so that nobody need hear of a failure."""
    with suppress(OSError):
        subprocess.run(  # noqa: S603
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
        )
