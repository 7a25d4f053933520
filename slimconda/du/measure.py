"""Owns the measuring of an installation: from a layout to the finished count and what else the walk has seen."""

import os
from collections.abc import Callable
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
    for home in sorted(homes):
        if not any(home.startswith(f"{other}/") for other in homes):
            scan.walk(home, homes[home], progress)
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


def _homes(layout: Layout, scan: Scan) -> dict[str, Zone]:
    homes: dict[str, Zone] = {}
    enter = homes.get
    for path in layout.tools.values():
        homes[path] = ToolZone(path, scan.table, enter)
        if path == layout.tools.get("rattler"):
            homes[f"{path}/pkgs"] = CacheZone(f"{path}/pkgs", scan.table, enter)
    for path in layout.environments:
        homes[path] = EnvironmentZone(path, scan.table, enter)
    for path in layout.all_caches:
        homes[path] = CacheZone(path, scan.table, enter)
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
