"""Owns reading several layers at once: results in order, a bounded number ahead, one count of the bytes read."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future

Item = TypeVar("Item")
Result = TypeVar("Result")
# Decompressors work without the interpreter's lock; more threads than this wait for it while headers are read.
MOST_THREADS = 4


def in_order(
    work: Callable[[Item], Result], items: Iterable[Item], *, worthwhile: bool, stop: Callable[[], None]
) -> Iterator[tuple[Item, Result]]:
    """Yield each item with its result, in the order of the items; the first error ends it.

    `stop` is called where it ends early, by an error or an interrupt: it shall make what still works give up.
    """
    threads = min(MOST_THREADS, os.cpu_count() or 1) if worthwhile else 1
    if threads == 1:
        yield from ((item, work(item)) for item in items)
        return
    from concurrent.futures import ThreadPoolExecutor

    waiting: deque[tuple[Item, Future[Result]]] = deque()
    pool = ThreadPoolExecutor(threads)
    try:
        for item in items:
            waiting.append((item, pool.submit(work, item)))
            if len(waiting) > threads:
                yield _first(waiting)
        while waiting:
            yield _first(waiting)
    except BaseException:
        stop()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _first(waiting: "deque[tuple[Item, Future[Result]]]") -> tuple[Item, Result]:
    item, future = waiting.popleft()
    return item, future.result()


class Meter:
    """Counts the bytes that all parts together have passed, and tells it on."""

    def __init__(self, progress: Callable[[int], None]) -> None:
        """Tell `progress` the sum after each step."""
        self._progress, self._lock, self._done, self._stopped = progress, Lock(), 0, False

    def stop(self) -> None:
        """Let whoever counts bytes from now on fail."""
        self._stopped = True

    def add(self, size: int) -> None:
        """Count bytes; any thread may. Raises CancelledError after `stop`."""
        if self._stopped:
            from concurrent.futures import CancelledError

            raise CancelledError
        with self._lock:
            self._done += size
            self._progress(self._done)
