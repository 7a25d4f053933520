"""Owns the talk with the docker program: building a Dockerfile's text, and exporting an image's merged files."""

import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from slimconda.errors import BuildError

# An image without CMD takes a command when a container of it is created; it never runs.
NEVER_RUN = "-"


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
    tag = f"slimconda-prove:{name}-{secrets.token_hex(6)}"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "Dockerfile"
        path.write_bytes(text)
        ignored = recipe.dockerfile.with_name(f"{recipe.dockerfile.name}.dockerignore")
        if ignored.is_file():
            shutil.copyfile(ignored, f"{path}.dockerignore")
        options = [f"--file={path}", f"--tag={tag}", *recipe.arguments]
        status = _run([recipe.program, "build", *options, "--", str(recipe.context)], log)
    if status:
        raise BuildError(f"{recipe.dockerfile}: the build {name} the fix failed (docker build exited with {status})")
    try:
        yield tag
    finally:
        _run([recipe.program, "image", "rm", tag], log)


def _run(command: list[str], log: IO[str]) -> int:
    try:
        return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False).returncode  # noqa: S603
    except OSError as error:
        raise BuildError(f"{command[0]}: cannot be run: {error.strerror}") from None


@contextmanager
def exported(program: str, tag: str, log: IO[str]) -> Iterator[IO[bytes]]:
    """Give a tar of an image's files, all layers merged; raises BuildError."""
    container = _output([program, "create", tag, NEVER_RUN], log)
    try:
        with subprocess.Popen([program, "export", container], stdout=subprocess.PIPE, stderr=log) as process:  # noqa: S603
            assert process.stdout is not None  # noqa: S101  # it is a pipe
            yield process.stdout
            process.stdout.read()
        if process.returncode:
            raise BuildError(f"{tag}: cannot be exported (docker export exited with {process.returncode})")
    finally:
        _output([program, "rm", container], log)


def _output(command: list[str], log: IO[str]) -> str:
    try:
        done = subprocess.run(  # noqa: S603
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, check=True, text=True
        )
    except subprocess.CalledProcessError as error:
        raise BuildError(f"docker {command[1]} exited with {error.returncode}") from None
    return done.stdout.strip()
