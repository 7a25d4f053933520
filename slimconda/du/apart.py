"""Owns the second process: a queue that two processes share, and what one of them does apart from the other."""

import os
import pickle
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
TOKENS = 256  # what one byte can tell apart


@contextmanager
def shared_queue(items: Sequence[Item]) -> Iterator[Iterator[Item]]:
    """Give an iterator of which each item is taken by one process only, also by those that are forked from this one."""
    reading, writing = os.pipe()
    os.write(writing, bytes(range(min(len(items), TOKENS))))
    os.close(writing)
    try:
        yield _taken(reading, items)
    finally:
        os.close(reading)


def _taken(reading: int, items: Sequence[Item]) -> Iterator[Item]:
    while token := os.read(reading, 1):
        yield from items[token[0] :: TOKENS]


@contextmanager
def working_apart(task: Callable[[], Result]) -> Iterator[Callable[[], Result | None]]:
    """Run a task in a process of its own; gives what waits for its result, None where it failed."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _report(writing, task)
    os.close(writing)
    try:
        yield lambda: _received(reading)
    finally:
        with suppress(OSError):
            os.close(reading)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _report(writing: int, task: Callable[[], object]) -> None:
    """Write the result, and end this process without anything that its parent would do at its own end."""
    status = 1
    try:
        result = task()
        with os.fdopen(writing, "wb") as pipe:
            pickle.dump(result, pipe, pickle.HIGHEST_PROTOCOL)
        status = 0
    finally:
        os._exit(status)


def _received(reading: int) -> Any:
    with os.fdopen(os.dup(reading), "rb") as pipe:
        try:
            return pickle.load(pipe)  # noqa: S301  # from our own process
        except (EOFError, pickle.UnpicklingError):
            return None
