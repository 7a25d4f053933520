"""Owns the walk over folders: each name is counted under its label, links are never followed, nothing is written."""

import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from slimconda.du.labels import SORTED_ENDS, Kind, Sort, sort_of
from slimconda.du.table import Link, Table

OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
SORTS = tuple(Sort)
FOLDER = SORTS.index(Sort.FOLDER)
TELL_EVERY = 500  # folders


class Names(Protocol):
    """The labels of names in one folder, as far as somebody claims them."""

    def get(self, name: str, /) -> int | None:
        """Return a label's number, or None."""


class Zone(Protocol):
    """What says which label a name has; it holds for a folder and all below it, until `enter` returns another."""

    @property
    def watch(self) -> float:
        """Return the time after which a modified file is looked at more closely."""

    @property
    def times(self) -> Mapping[int, float]:
        """Return when the packages of labels were installed."""

    @property
    def environment(self) -> bool:
        """Tell whether it is an environment, whose soft links may need what they point to."""

    def look(self, path: str) -> tuple[Names, tuple[int, ...]]:
        """Return the claimed names of a folder, and the labels of all others in the order of Sort."""

    def enter(self, path: str) -> "Zone":
        """Return the zone of a folder below."""


@dataclass(frozen=True, slots=True)
class Suspect:
    """A claimed file that was modified after its package was installed, or so it seems by the time."""

    path: str
    home: str
    package: str
    size: int


@dataclass
class Scan:
    """What a walk has seen: the table, folders that could not be read, other file systems, soft links, late files."""

    table: Table = field(default_factory=Table)
    unreadable: list[str] = field(default_factory=list)
    mounts: list[str] = field(default_factory=list)
    targets: list[tuple[int, str]] = field(default_factory=list)
    suspects: list[Suspect] = field(default_factory=list)
    _seen: set[tuple[int, int]] = field(default_factory=set)

    def walk(self, root: str, zone: Zone, progress: Callable[[int], None] = lambda _: None) -> None:
        """Count a folder and all below it; a folder seen before, as by a bind mount, is not counted again."""
        stack: list[tuple[str, Zone, int | None]] = [(root, zone, None)]
        folders = 0
        while stack:
            path, zone, device = stack.pop()
            try:
                descriptor = os.open(path, OPEN)
            except FileNotFoundError:
                continue
            except OSError:
                self.unreadable.append(path)
                continue
            try:
                self._folder(descriptor, path, zone, device, stack)
            finally:
                os.close(descriptor)
            folders += 1
            if folders % TELL_EVERY == 0:
                progress(folders)

    def _folder(
        self, descriptor: int, path: str, zone: Zone, above: int | None, stack: list[tuple[str, Zone, int | None]]
    ) -> None:
        own = os.fstat(descriptor)
        device = own.st_dev
        if (device, own.st_ino) in self._seen:
            return
        self._seen.add((device, own.st_ino))
        if above not in {None, device}:
            self.mounts.append(path)
        claimed, others = zone.look(path)
        self.table.alone[others[FOLDER]].add(0, own.st_blocks)
        try:
            with os.scandir(descriptor) as entries:
                self._entries(entries, descriptor, path, zone, device, claimed, others, stack)
        except OSError:
            self.unreadable.append(path)

    def _entries(  # noqa: PLR0913, PLR0917  # a million times; each call or lookup less is seconds
        self,
        entries: "os._ScandirIterator[str]",
        descriptor: int,
        path: str,
        zone: Zone,
        device: int,
        claimed: Names,
        others: tuple[int, ...],
        stack: list[tuple[str, Zone, int | None]],
    ) -> None:
        table, waiting = self.table, self.table.open.setdefault(device, {})
        alone, watch, plain = table.alone, zone.watch, others[0]
        for entry in entries:
            name = entry.name
            if entry.is_dir(follow_symlinks=False):
                below = f"{path}/{name}"
                stack.append((below, zone.enter(below), device))
                continue
            label = claimed.get(name)
            if label is None:
                label = others[SORTS.index(sort_of(name))] if name.endswith(SORTED_ENDS) else plain
            # The folder's own entry has the inode's number: what was seen under another name needs no second stat.
            known = waiting.get(inode := entry.inode())
            if known is not None:
                link, size, blocks = known
                link = link.following.get(label) or table.follow(link, label)
                if link.complete:
                    link.add(size, blocks)
                    del waiting[inode]
                else:
                    waiting[inode] = (link, size, blocks)
                continue
            try:
                found = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            kind = stat.S_IFMT(found.st_mode)
            size = found.st_size if kind in _COUNTED else 0
            if found.st_nlink < 2:
                row = alone[label]
                row.files += 1
                row.apparent += size
                row.blocks += found.st_blocks
            else:
                self._linked(found, label, size)
            if kind == stat.S_IFLNK and zone.environment:
                self.targets.append((label, os.path.join(path, os.readlink(name, dir_fd=descriptor))))
            elif found.st_mtime > watch and found.st_mtime > zone.times.get(label, watch):
                late = table.labels[label]
                if late.kind is Kind.PACKAGE:
                    self.suspects.append(Suspect(f"{path}/{name}", late.home, late.name, size))

    def _linked(self, found: os.stat_result, label: int, size: int) -> None:
        """Count a name of an inode with several; its device may be another than its folder's (overlayfs)."""
        waiting = self.table.open.setdefault(found.st_dev, {})
        known = waiting.get(found.st_ino)
        if known is None:
            waiting[found.st_ino] = (self.table.start(label, found.st_nlink), size, found.st_blocks)
        else:
            _follow(self.table, waiting, found.st_ino, known, label)


_COUNTED = frozenset((stat.S_IFREG, stat.S_IFLNK))  # as Docker and du --apparent-size (coreutils 9.2) count


def _follow(
    table: Table, waiting: dict[int, tuple[Link, int, int]], inode: int, known: tuple[Link, int, int], label: int
) -> None:
    """Note one more name; an inode all of whose names were seen is counted and forgotten."""
    link, size, blocks = known
    link = link.following.get(label) or table.follow(link, label)
    if link.complete:
        link.add(size, blocks)
        del waiting[inode]
    else:
        waiting[inode] = (link, size, blocks)
