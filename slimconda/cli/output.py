"""Owns what a command writes: reports, complaints, progress, and the exit status."""

import errno
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer

from slimconda.errors import SlimcondaError
from slimconda.reporters.escapes import inert, visible

FOUND, BAD_INPUT, BUG = 1, 2, 3
PROGRESS_EVERY = {True: 0.2, False: 10}  # seconds, by whether stderr is a terminal


def _megabytes(done: int) -> str:
    return f": {done / 1e6:,.0f} MB" if done >= 1e6 else " ..."


@contextmanager
def show_progress(
    title: str, amount: Callable[[int], str] = _megabytes, *, in_logs: bool = True
) -> Iterator[Callable[[int], None]]:
    """Give a function that is told the bytes read so far; what takes longer than a second is shown on stderr.

    `in_logs` shows it, less often, where stderr is no terminal, too.
    """
    started = shown = time.monotonic()
    live = sys.stderr.isatty()
    width = 0

    def show(done: int) -> None:
        nonlocal shown, width
        now = time.monotonic()
        if (live or in_logs) and now - started > 1 and (now - shown > PROGRESS_EVERY[live] or shown == started):
            shown = now
            text = f"{title}{amount(done)}"
            typer.echo(f"{text:{width}}\r" if live else text, err=True, nl=not live)
            width = max(width, len(text))

    yield show
    if live and width:
        typer.echo(f"{'':{width}}\r", err=True, nl=False)


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
