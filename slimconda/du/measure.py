"""Owns the measuring of an installation: from a layout to the finished count and what else the walk has seen."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field

from slimconda.du.labels import Kind
from slimconda.du.layout import Layout
from slimconda.du.ledger import Ledger
from slimconda.du.records import Record
from slimconda.du.scan import Scan, Suspect
from slimconda.du.walk import cache_homes, walk
from slimconda.du.wheels import Wheels


@dataclass(frozen=True)
class Survey:
    """The bytes of an installation by labels, and what is needed to tell what they mean.

    `installed` are the records of each environment's packages; `listed` how many files each package should have;
    `targets` the labels of soft links with where they point; `devices` the file system of each home;
    `reflinks` how many bytes of an environment's files other files share on the disk;
    `wheels` what its Python packages' own metadata tells.
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
    reflinks: dict[str, int] = field(default_factory=dict)
    wheels: dict[str, Wheels] = field(default_factory=dict)


def survey(layout: Layout, progress: Callable[[int], None] = lambda _: None, *, alone: bool | None = None) -> Survey:
    """Walk over all homes of a layout; `progress` is told how many folders were read.

    `alone` forbids or demands a single process; else the size of the installation decides.
    """
    walked = walk(layout, progress, alone=alone)
    scan, ledger = walked.scan, walked.scan.table.close(walked.installed)
    devices = {home: _device(home) for home in (*layout.environments, *cache_homes(layout), *layout.tools.values())}
    return Survey(
        layout,
        ledger,
        {home: walked.installed[home] for home in layout.environments},
        {home: walked.listed[home] for home in layout.environments},
        devices,
        tuple(sorted({*scan.mounts, *(home for home in devices if devices[home] != _device(os.path.dirname(home)))})),
        tuple(sorted(scan.unreadable)),
        _soft_links(scan, layout),
        _by_home(scan),
        _reflinked(scan),
        walked.wheels,
    )


def _device(path: str) -> int:
    try:
        return os.stat(path).st_dev
    except OSError:
        return -1


def _soft_links(scan: Scan, layout: Layout) -> dict[str, int]:
    """Return how many links of each environment point into a package cache."""
    caches = tuple(f"{cache}/" for cache in layout.all_caches)
    found: dict[str, int] = {}
    for label, target in scan.targets:
        if target.startswith(caches):
            home = scan.table.labels[label].home
            found[home] = found.get(home, 0) + 1
    return found


def _reflinked(scan: Scan) -> dict[str, int]:
    found: dict[str, int] = {}
    for label, shared in scan.reflinked.items():
        home = scan.table.labels[label].home
        found[home] = found.get(home, 0) + shared
    return found


def _by_home(scan: Scan) -> dict[str, tuple[Suspect, ...]]:
    found: dict[str, list[Suspect]] = {}
    for suspect in scan.suspects:
        found.setdefault(suspect.home, []).append(suspect)
    return {home: tuple(suspects) for home, suspects in found.items()}
