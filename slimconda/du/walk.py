"""Owns the walk over all homes, in this process and, for a large installation, in a second one, too."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from slimconda import collector
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
class Unit:
    """What one process walks: an environment, or a folder directly in a package cache."""

    path: str
    cache: str | None = None


@dataclass
class Walk:
    """What one process has walked of all homes; none of them is walked as a part of another."""

    homes: frozenset[str]
    progress: Progress
    walked: Walked = field(default_factory=Walked)
    done: set[Unit] = field(default_factory=set)

    def tops(self, layout: Layout, parts: frozenset[str]) -> None:
        """Walk over other tools' caches, and over package caches without the parts."""
        scan, caches = self.walked.scan, cache_homes(layout)
        for path in caches:
            scan.walk(path, CacheZone(path, scan.table, self.homes | parts), self.progress)
        for path in layout.tools.values():
            if path not in caches:
                scan.walk(path, ToolZone(path, scan.table, self.homes), self.progress)

    def units(self, units: Iterable[Unit]) -> None:
        """Walk over each."""
        for unit in units:
            if unit.cache is None:
                self._environment(unit.path)
            else:
                self._part(unit.path, unit.cache)
            self.done.add(unit)

    def _environment(self, path: str) -> None:
        walked = self.walked
        zone = EnvironmentZone(path, walked.scan.table, self.homes)
        walked.scan.walk(path, zone, self.progress)
        walked.installed[path], walked.listed[path], walked.wheels[path] = zone.installed, zone.listed, zone.wheels

    def _part(self, path: str, cache: str) -> None:
        scan = self.walked.scan
        zone = CacheZone(cache, scan.table, self.homes).enter(path)
        if zone is not None:
            scan.walk(path, zone, self.progress, device_of(cache))


def walk(layout: Layout, progress: Progress, *, alone: bool | None = None) -> Walked:
    """Walk over all homes; `alone` forbids or demands a single process, else the size of the installation decides."""
    here = Walk(frozenset((*layout.environments, *cache_homes(layout), *layout.tools.values())), progress)
    weights = {path: record_bytes(path) for path in layout.environments}
    parts = [Unit(path, cache) for cache in cache_homes(layout) for path in _folders(cache) if path not in here.homes]
    # What is large comes first, so that both processes end at about the same time.
    units = [*map(Unit, sorted(weights, key=lambda path: -weights[path])), *parts]
    if alone is None:
        alone = sum(weights.values()) < WORTH_A_PROCESS or (os.cpu_count() or 1) < 2
    with collector.paused():
        if not alone and hasattr(os, "fork"):
            _walk_in_two(here, layout, units)
        else:
            here.tops(layout, frozenset(part.path for part in parts))
        here.units([unit for unit in units if unit not in here.done])
    return here.walked


def _walk_in_two(here: Walk, layout: Layout, units: list[Unit]) -> None:
    """Walk over each unit in whichever process is free; what the other one could not hand over is not done then."""
    with shared_queue(units) as queue:

        def walk_apart() -> tuple[Walked, set[Unit], Columns]:
            apart = Walk(here.homes, lambda _: None)
            apart.units(queue)
            columns = columns_of(apart.walked.scan.table)
            apart.walked.scan.forget()
            return apart.walked, apart.done, columns

        with working_apart(walk_apart) as join:
            here.tops(layout, frozenset(unit.path for unit in units if unit.cache is not None))
            here.units(queue)
            found = join()
    if found is not None:
        walked, done, columns = found
        _merge(here.walked, walked, columns)
        here.done |= done


def cache_homes(layout: Layout) -> tuple[str, ...]:
    """Return the package caches, rattler's among them."""
    rattler = layout.tools.get("rattler")
    return (*layout.all_caches, *([f"{rattler}/pkgs"] if rattler and os.path.isdir(f"{rattler}/pkgs") else []))


def device_of(path: str) -> int | None:
    """Return the device that a folder lies on, None where it is gone."""
    try:
        return os.stat(path).st_dev
    except OSError:
        return None


def _folders(path: str) -> list[str]:
    try:
        with os.scandir(path) as entries:
            return [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []


def _merge(walked: Walked, apart: Walked, columns: Columns) -> None:
    """Add what the second process has seen."""
    numbers = merge(walked.scan.table, columns)
    walked.scan.add(apart.scan, numbers)
    walked.installed |= apart.installed
    walked.listed |= apart.listed
    walked.wheels |= apart.wheels
