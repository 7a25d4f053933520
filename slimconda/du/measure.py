"""Owns the measuring of an installation: from a layout to the finished count and what else the walk has seen."""

import gc
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from slimconda.du.labels import Kind
from slimconda.du.layout import Layout
from slimconda.du.records import Record
from slimconda.du.scan import Scan, Suspect, Zone
from slimconda.du.table import Ledger
from slimconda.du.zones import CacheZone, EnvironmentZone, ToolZone


@dataclass(frozen=True)
class Survey:
    """The bytes of an installation by labels, and what is needed to tell what they mean.

    `installed` are the records of each environment's packages; `listed` how many files each package should have;
    `targets` the labels of soft links with where they point; `devices` the file system of each home.
    """

    layout: Layout
    ledger: Ledger
    installed: dict[str, dict[str, Record]] = field(default_factory=dict)
    listed: dict[str, dict[tuple[Kind, str], int]] = field(default_factory=dict)
    devices: dict[str, int] = field(default_factory=dict)
    mounts: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()
    soft_links: dict[str, int] = field(default_factory=dict)
    suspects: dict[str, tuple[Suspect, ...]] = field(default_factory=dict)


def survey(layout: Layout, progress: Callable[[int], None] = lambda _: None) -> Survey:
    """Walk over all homes of a layout; `progress` is told how many folders were read."""
    scan = Scan()
    homes = _homes(layout, scan)
    with _no_collection():
        for home, zone in homes.items():
            scan.walk(home, zone, progress)
            if isinstance(zone, EnvironmentZone):
                zone.forget()
    environments = {home: zone for home, zone in homes.items() if isinstance(zone, EnvironmentZone)}
    ledger = scan.table.close()
    return Survey(
        layout,
        ledger,
        {home: zone.installed for home, zone in environments.items()},
        {home: zone.listed for home, zone in environments.items()},
        {home: os.stat(home).st_dev for home in homes},
        tuple(scan.mounts),
        tuple(scan.unreadable),
        _soft_links(scan, layout),
        _by_home(scan),
    )


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


def _homes(layout: Layout, scan: Scan) -> dict[str, Zone]:
    """Return all homes in the order of the walk: caches first, so that linked files are known by their packages."""
    homes: dict[str, Zone] = {}
    for path in (*layout.all_caches, *(f"{path}/pkgs" for tool, path in layout.tools.items() if tool == "rattler")):
        homes[path] = CacheZone(path, scan.table, homes)
    for path in layout.tools.values():
        homes.setdefault(path, ToolZone(path, scan.table, homes))
    for path in layout.environments:
        homes.setdefault(path, EnvironmentZone(path, scan.table, homes))
    return homes


def _soft_links(scan: Scan, layout: Layout) -> dict[str, int]:
    """Return how many links of each environment point into a package cache."""
    caches = tuple(f"{cache}/" for cache in layout.all_caches)
    found: dict[str, int] = {}
    for label, target in scan.targets:
        if target.startswith(caches):
            home = scan.table.labels[label].home
            found[home] = found.get(home, 0) + 1
    return found


def _by_home(scan: Scan) -> dict[str, tuple[Suspect, ...]]:
    found: dict[str, list[Suspect]] = {}
    for suspect in scan.suspects:
        found.setdefault(suspect.home, []).append(suspect)
    return {home: tuple(suspects) for home, suspects in found.items()}
