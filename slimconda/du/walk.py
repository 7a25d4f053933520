"""Owns the walk over all homes, in this process and, for a large installation, in a second one, too."""

import gc
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from slimconda.du.apart import shared_queue, working_apart
from slimconda.du.labels import Kind
from slimconda.du.layout import Layout
from slimconda.du.merge import Columns, columns_of, merge
from slimconda.du.records import Record, record_bytes
from slimconda.du.scan import Scan
from slimconda.du.wheels import Wheels
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
    wheels: dict[str, Wheels] = field(default_factory=dict)


@dataclass(frozen=True)
class Homes:
    """The environments, largest first, and all homes: none is walked as a part of another."""

    environments: tuple[str, ...]
    all: frozenset[str]


def walk(layout: Layout, progress: Progress, *, alone: bool | None = None) -> Walked:
    """Walk over all homes; `alone` forbids or demands a single process, else the size of the installation decides."""
    everything = frozenset((*layout.environments, *cache_homes(layout), *layout.tools.values()))
    weights = {path: record_bytes(path) for path in layout.environments}
    homes = Homes(tuple(sorted(weights, key=lambda path: -weights[path])), everything)
    if alone is None:
        alone = sum(weights.values()) < WORTH_A_PROCESS or (os.cpu_count() or 1) < 2
    with _no_collection():
        if alone or not hasattr(os, "fork"):
            return _walk_environments(_walk_caches(layout, homes, progress), homes.environments, homes, progress)
        return _walk_in_two(layout, homes, progress)


def _walk_in_two(layout: Layout, homes: Homes, progress: Progress) -> Walked:
    """Walk over the caches here, and over each environment in whichever process is free."""
    with shared_queue(homes.environments) as queue:

        def walk_apart() -> tuple[Walked, Columns]:
            apart = _walk_environments(Walked(), queue, homes, lambda _: None)
            columns = columns_of(apart.scan.table)
            apart.scan.forget()
            return apart, columns

        with working_apart(walk_apart) as join:
            walked = _walk_environments(_walk_caches(layout, homes, progress), queue, homes, progress)
            found = join()
    if found is not None:
        _merge(walked, *found)
    lost = [path for path in layout.environments if path not in walked.installed]
    return _walk_environments(walked, lost, homes, progress)


def cache_homes(layout: Layout) -> tuple[str, ...]:
    """Return the package caches, rattler's among them."""
    rattler = layout.tools.get("rattler")
    return (*layout.all_caches, *([f"{rattler}/pkgs"] if rattler and os.path.isdir(f"{rattler}/pkgs") else []))


def _walk_caches(layout: Layout, homes: Homes, progress: Progress) -> Walked:
    """Walk over all caches; they come first, so that linked files are known by their packages."""
    walked = Walked()
    for path in cache_homes(layout):
        walked.scan.walk(path, CacheZone(path, walked.scan.table, homes.all), progress)
    for path in layout.tools.values():
        if path not in cache_homes(layout):
            walked.scan.walk(path, ToolZone(path, walked.scan.table, homes.all), progress)
    return walked


def _walk_environments(walked: Walked, environments: Iterable[str], homes: Homes, progress: Progress) -> Walked:
    for path in environments:
        zone = EnvironmentZone(path, walked.scan.table, homes.all)
        walked.scan.walk(path, zone, progress)
        walked.installed[path], walked.listed[path], walked.wheels[path] = zone.installed, zone.listed, zone.wheels
    return walked


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


def _merge(walked: Walked, apart: Walked, columns: Columns) -> None:
    """Add what the second process has seen."""
    numbers = merge(walked.scan.table, columns, apart.installed)
    walked.scan.add(apart.scan, numbers)
    walked.installed |= apart.installed
    walked.listed |= apart.listed
    walked.wheels |= apart.wheels
