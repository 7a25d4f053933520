"""Owns the walk over all homes, in this process and, for a large installation, half of it in a second one."""

import gc
import os
import pickle
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from slimconda.du.labels import Kind, Label
from slimconda.du.layout import Layout
from slimconda.du.records import Record, record_bytes
from slimconda.du.scan import Scan
from slimconda.du.zones import CacheZone, EnvironmentZone, ToolZone

WORTH_A_PROCESS = 4 << 20  # bytes of records: below that a walk takes about as long as starting a process

Progress = Callable[[int], None]
Listed = dict[str, dict[tuple[Kind, str], int]]


@dataclass
class Walked:
    """What was seen, and what the environments' records say: their packages, and how many files each should have."""

    scan: Scan = field(default_factory=Scan)
    installed: dict[str, dict[str, Record]] = field(default_factory=dict)
    listed: Listed = field(default_factory=dict)


def walk(layout: Layout, progress: Progress, *, alone: bool | None = None) -> Walked:
    """Walk over all homes; `alone` forbids or demands a single process, else the size of the installation decides."""
    others = frozenset((*layout.environments, *cache_homes(layout), *layout.tools.values()))
    first, second = _halves(layout, alone=alone)
    with _no_collection(), _walking_apart(second, others) as join:
        walked = Walked()
        _walk_caches(walked, layout, others, progress)
        _walk_environments(walked, first, others, progress)
        apart = join()
        if apart is None:
            return _walk_environments(walked, second, others, progress)
        _merge(walked, apart)
    return walked


def cache_homes(layout: Layout) -> tuple[str, ...]:
    """Return the package caches, rattler's among them."""
    rattler = layout.tools.get("rattler")
    return (*layout.all_caches, *([f"{rattler}/pkgs"] if rattler and os.path.isdir(f"{rattler}/pkgs") else []))


def _walk_caches(walked: Walked, layout: Layout, others: frozenset[str], progress: Progress) -> None:
    """Walk over all caches; they come first, so that linked files are known by their packages."""
    for path in cache_homes(layout):
        walked.scan.walk(path, CacheZone(path, walked.scan.table, others), progress)
    for path in layout.tools.values():
        if path not in cache_homes(layout):
            walked.scan.walk(path, ToolZone(path, walked.scan.table, others), progress)


def _walk_environments(
    walked: Walked, environments: Iterable[str], others: frozenset[str], progress: Progress
) -> Walked:
    for path in environments:
        zone = EnvironmentZone(path, walked.scan.table, others)
        walked.scan.walk(path, zone, progress)
        walked.installed[path], walked.listed[path] = zone.installed, zone.listed
    return walked


def _halves(layout: Layout, *, alone: bool | None) -> tuple[list[str], list[str]]:
    """Return the environments for this process and for a second one, which takes as much as is left with the caches."""
    environments = list(layout.environments)
    weights = {path: record_bytes(path) for path in environments}
    if alone is None:
        alone = sum(weights.values()) < WORTH_A_PROCESS or (os.cpu_count() or 1) < 2
    if alone or not hasattr(os, "fork") or len(environments) < 2:
        return environments, []
    here, apart = max(weights.values()), 0  # the caches hold at least what the largest environment holds
    second: list[str] = []
    for path in sorted(environments, key=lambda path: -weights[path]):
        if apart <= here:
            second.append(path)
            apart += weights[path]
        else:
            here += weights[path]
    return [path for path in environments if path not in second], second


@contextmanager
def _no_collection() -> Iterator[None]:
    """Switch the collector of cycles off: none are made here, and it would look at a million tuples again and again."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@contextmanager
def _walking_apart(environments: list[str], others: frozenset[str]) -> Iterator[Callable[[], Walked | None]]:
    """Walk environments in a process of its own; gives what waits for its result, None where it failed."""
    if not environments:
        yield Walked
        return
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _report(writing, environments, others)
    os.close(writing)
    try:
        yield lambda: _received(reading)
    finally:
        with suppress(OSError):
            os.close(reading)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _report(writing: int, environments: list[str], others: frozenset[str]) -> None:
    """Walk, write the result, and end this process without anything that its parent would do at its own end."""
    status = 1
    try:
        walked = _walk_environments(Walked(), environments, others, lambda _: None)
        with os.fdopen(writing, "wb") as pipe:
            pickle.dump(walked, pipe, pickle.HIGHEST_PROTOCOL)
        status = 0
    finally:
        os._exit(status)


def _received(reading: int) -> Walked | None:
    with os.fdopen(os.dup(reading), "rb") as pipe:
        try:
            found = pickle.load(pipe)  # noqa: S301  # from our own process
        except (EOFError, pickle.UnpicklingError):
            return None
    return found if isinstance(found, Walked) else None


def _merge(walked: Walked, apart: Walked) -> None:
    """Add what the second process has seen; inodes that both have seen get the names of both."""
    numbers = [walked.scan.table.number(Label(*label.key)) for label in apart.scan.table.labels]
    walked.scan.table.merge(apart.scan.table, numbers)
    walked.scan.unreadable += apart.scan.unreadable
    walked.scan.mounts += apart.scan.mounts
    walked.scan.targets += [(numbers[label], target) for label, target in apart.scan.targets]
    walked.scan.suspects += apart.scan.suspects
    walked.installed |= apart.installed
    walked.listed |= apart.listed
