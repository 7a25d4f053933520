"""Owns the progress of what takes longer than a second, on stderr: a bar on a terminal, lines in logs."""

import math
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock, Timer

import typer

from slimconda.reporters.escapes import shortened, visible

AFTER = 1  # seconds of silence
EVERY = {True: 0.2, False: 10}  # seconds, by whether stderr is a terminal
WIDTH = 80
SHORTEST_BAR, LONGEST_BAR, SHORTEST_TITLE = 10, 30, 8


@dataclass(frozen=True)
class Unit:
    """What is counted: the name that is shown, and how many make one of it."""

    name: str
    size: int = 1

    def count(self, amount: int) -> str:
        """Return how many units an amount is."""
        return f"{amount / self.size:,.0f}"


MEGABYTES, FOLDERS, FILES = Unit("MB", 10**6), Unit("folders"), Unit("files")


class Progress:
    """Is told how far something is, and perhaps of how much, and shows it now and then. Any thread may tell it."""

    def __init__(self, title: str, unit: Unit, *, live: bool, in_logs: bool) -> None:
        """Start the clock; `live` overwrites one line of a terminal, else there is a line each time, or `in_logs` none.

        What was shown on a terminal goes with `clear`.
        """
        self._title, self._unit, self._live = visible(title), unit, live
        self._done, self._total, self._about, self._width = 0, 0, False, 0
        self._next = time.monotonic() + AFTER if live or in_logs else math.inf
        self._lock = Lock()

    def __call__(self, done: int) -> None:
        """Take what is done so far."""
        self._done = done
        self.show()

    def expect(self, amount: int, *, about: bool = False) -> None:
        """Take how much more there is to do, or where it is negative, less; `about` says that it is an estimate."""
        with self._lock:
            self._total += amount
            self._about |= about
        self.show()

    def show(self) -> None:
        """Show what is known, if it is time for that."""
        with self._lock:
            now = time.monotonic()
            if now < self._next:
                return
            self._next = now + EVERY[self._live]
            text = self._bar(_columns() - 1) if self._live else self._line()
            blank = " " * (self._width - _cells(text))
            typer.echo(f"{text}{blank}\r" if self._live else text, err=True, nl=not self._live)
            self._width = max(self._width, _cells(text))

    def clear(self) -> None:
        """Wipe what was shown on a terminal, and show nothing more."""
        with self._lock:
            self._next = math.inf
            if self._live and self._width:
                typer.echo(f"{'':{self._width}}\r", err=True, nl=False)

    def _line(self) -> str:
        if self._done < self._unit.size and self._total <= 0:
            return f"{self._title} ..."
        return f"{self._title}: {self._figures()}"

    def _figures(self, width: int = 0) -> str:
        """Return what is done, filled up to a width, and of how much."""
        of = f" of {'about ' if self._about else ''}{self._unit.count(self._total)}" if self._total > 0 else ""
        return f"{self._unit.count(self._done):>{width}}{of} {self._unit.name}"

    def _bar(self, width: int) -> str:
        """Return title, bar, figures and percents; the title gives way, and on a narrow terminal the bar does."""
        if self._total <= 0:
            end = self._line().removeprefix(self._title)
            title = _fitted(self._title, width - len(end))
            return f"{title}{end}" if title else self._figures()[:width]
        part = min(self._done / self._total, 0.99 if self._about else 1.0)
        figures = f"{self._figures(len(self._unit.count(self._total)))} {math.floor(100 * part):3} %"
        title = _fitted(self._title, width - len(figures) - SHORTEST_BAR - 4)
        if not title:
            return figures[:width]
        length = min(LONGEST_BAR, width - _cells(title) - len(figures) - 4)
        full = math.floor(length * part)
        return f"{title} [{'#' * full}{'-' * (length - full)}] {figures}"


def _fitted(title: str, room: int) -> str:
    """Return the title so that it takes so many columns at most, nothing where these are too few."""
    room = room if title.isascii() else room // 2
    return shortened(title, room) if room >= SHORTEST_TITLE else ""


def _cells(text: str) -> int:
    """Return how many columns a text takes at most: two for each character that is not ASCII."""
    return len(text) if text.isascii() else len(text) + sum(not character.isascii() for character in text)


def _columns() -> int:
    """Return the columns to fill: 80, or all of a narrower terminal."""
    try:
        return min(WIDTH, os.get_terminal_size(sys.stderr.fileno()).columns or WIDTH)
    except (OSError, ValueError):
        return WIDTH


@contextmanager
def show_progress(
    title: str, unit: Unit = MEGABYTES, *, in_logs: bool = True, may_wait: bool = False
) -> Iterator[Progress]:
    """Give a progress that is shown, in logs less often or not at all, and wiped from a terminal at the end.

    What `may_wait` long before anything is done is shown on a terminal all the same, by a thread of its own.
    """
    live = sys.stderr.isatty()
    progress = Progress(title, unit, live=live, in_logs=in_logs)
    timer = Timer(AFTER, progress.show)
    timer.daemon = True
    if live and may_wait:
        timer.start()
    try:
        yield progress
    finally:
        timer.cancel()
        progress.clear()
