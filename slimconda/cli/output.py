"""Owns what a command writes: reports, complaints, and the exit status."""

import errno
import os
import sys

import typer

from slimconda.errors import SlimcondaError
from slimconda.reporters.escapes import inert, visible

FOUND, BAD_INPUT, BUG = 1, 2, 3


def write(data: bytes) -> None:
    """Write to standard output; raises OSError where that is closed."""
    if sys.stdout is None:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF), "standard output")
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def complain(error: SlimcondaError) -> bool:
    """Say on one line of stderr what is wrong with the input; returns True."""
    note(str(error))
    return True


def note(text: str) -> None:
    """Say something on one line of stderr."""
    say(f"slimconda: {' '.join(text.split())}")


def say(text: str) -> None:
    """Write one line to stderr that GitHub's runner, which reads it there, takes for no command."""
    typer.echo(inert(visible(text)), err=True)


def finish(*, failed: bool, found: bool) -> None:
    """End the command: bad input weighs more than findings."""
    raise typer.Exit(BAD_INPUT if failed else FOUND if found else 0)
