"""Owns the walk over folders: each name is counted under its label, links are never followed, nothing is written."""

import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple, Protocol

from slimconda.du.labels import SORTED_ENDS, Kind
from slimconda.du.table import Link, Table

OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
TELL_EVERY = 500  # folders


class Claims(Protocol):
    """Who claims names: by `prefix` and name, the number of the label of a package."""

    def get(self, name: str, /) -> int | None:
        """Return the number, or None."""


class Area(Protocol):
    """The labels of packages in a folder."""

    @property
    def numbers(self) -> Mapping[int, int]:
        """Return those that were asked for before."""

    def number(self, package: int) -> int:
        """Return one."""


class Look(NamedTuple):
    """What a zone knows of one folder.

    `owners` are the packages by the labels of what they are linked with, `here` their labels in this folder, by number;
    `plain` is the label of what nobody claims, `folder` that of the folder itself.
    """

    plain: int
    folder: int
    claims: Claims
    prefix: str = ""
    owners: Mapping[int, int] = MappingProxyType({})
    here: "Area | None" = None


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

    def look(self, path: str) -> Look:
        """Return what is known of a folder."""

    def enter(self, path: str) -> "Zone | None":
        """Return the zone of a folder below, None for a home of its own, which is walked by itself."""


@dataclass(frozen=True, slots=True)
class Suspect:
    """A claimed file that was modified after its package was installed, or so it seems by the time."""

    path: str
    home: str
    package: str
    size: int


Stack = list[tuple[str, Zone, "int | None"]]


@dataclass
class Scan:
    """What walks have seen: the table, folders that could not be read, other file systems, soft links, late files."""

    table: Table = field(default_factory=Table)
    unreadable: list[str] = field(default_factory=list)
    mounts: list[str] = field(default_factory=list)
    targets: list[tuple[int, str]] = field(default_factory=list)
    suspects: list[Suspect] = field(default_factory=list)
    _seen: set[tuple[int, int]] = field(default_factory=set)

    def walk(self, root: str, zone: Zone, progress: Callable[[int], None] = lambda _: None) -> None:
        """Count a folder and all below it; a folder seen before, as by a bind mount, is not counted again."""
        stack: Stack = [(root, zone, None)]
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
            if len(self._seen) % TELL_EVERY == 0:
                progress(len(self._seen))

    def _folder(self, descriptor: int, path: str, zone: Zone, above: int | None, stack: Stack) -> None:
        own = os.fstat(descriptor)
        if (own.st_dev, own.st_ino) in self._seen:
            return
        self._seen.add((own.st_dev, own.st_ino))
        if above not in {None, own.st_dev}:
            self.mounts.append(path)
        look = zone.look(path)
        self.table.alone[look.folder].add(0, own.st_blocks)
        try:
            with os.scandir(descriptor) as entries:
                self._entries(entries, descriptor, path, zone, look, own.st_dev, stack)
        except OSError:
            self.unreadable.append(path)

    def _entries(  # noqa: C901, PLR0912, PLR0913, PLR0917  # a million times; each call or lookup less is seconds
        self,
        entries: "os._ScandirIterator[str]",
        descriptor: int,
        path: str,
        zone: Zone,
        look: Look,
        device: int,
        stack: Stack,
    ) -> None:
        table, waiting = self.table, self.table.open.setdefault(device, {})
        alone, watch = table.alone, zone.watch
        plain, _, claims, prefix, owners, here = look
        numbers: Mapping[int, int] = here.numbers if here is not None else {}
        for entry in entries:
            name = entry.name
            if entry.is_dir(follow_symlinks=False):
                below = f"{path}/{name}"
                if (entered := zone.enter(below)) is not None:
                    stack.append((below, entered, device))
                continue
            # The folder's own entry has the inode's number: what was seen under another name needs no second stat.
            known = waiting.get(inode := entry.inode())
            owner = None if known is None else owners.get(known[0].labels[0])
            if owner is None:
                owner = claims.get(prefix + name)
            if owner is None:
                label = plain
            elif here is None:
                label = owner
            else:
                label = numbers.get(owner) or here.number(owner)
            if name.endswith(SORTED_ENDS):
                label = table.sorted(label, name)
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
            kind = found.st_mode & 0o170000
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
            elif found.st_mtime > watch and owner is not None and found.st_mtime > zone.times.get(owner, watch):
                late = table.labels[owner]
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
