"""Owns the walk over folders: each name is counted under its label, links are never followed, nothing is written."""

import os
import stat
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from math import inf
from typing import NamedTuple

from slimconda.du.inodes import Files, Stats, inodes_of, read_stats, size_of
from slimconda.du.labels import SORTED_ENDS, Kind, Label
from slimconda.du.looks import Look, Zone
from slimconda.du.reflinks import SMALLEST, shared_bytes
from slimconda.du.table import Group, Table, Traits

OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
SORTED_LINE_ENDS = tuple(f"{end}\n" for end in SORTED_ENDS)
TELL_EVERY = 500  # folders
AT_ONCE = 1000  # names of one folder; it may have millions


@dataclass(frozen=True, slots=True)
class Suspect:
    """A claimed file that was modified after its package was installed, or so it seems by the time."""

    path: str
    home: str
    package: str
    size: int


class Folder(NamedTuple):
    """An open folder, and what is known of it."""

    descriptor: int
    path: str
    device: int
    zone: Zone
    look: Look

    def is_late(self, time: float, owner: int | None) -> bool:
        """Tell whether a time is after the installation of an owner."""
        return owner is not None and time > self.zone.times.get(owner, inf)

    def wants(self, traits: Traits, owner: int | None) -> bool:
        """Tell whether files of an owner are to be looked at one by one, for what they may mean here."""
        return (
            self.is_late(traits.newest, owner)
            or (traits.soft and self.zone.environment)
            or (traits.largest >= SMALLEST and self.zone.extents)
        )


class Part(NamedTuple):
    """What files of one folder have in common: the group that they were seen as, if they were, owner and label."""

    group: Group | None
    owner: int | None
    label: int


Stack = list[tuple[str, Zone, "int | None"]]


@dataclass
class Scan:
    """What walks have seen: the table, folders that could not be read, other file systems, soft links, late files.

    `targets` are the soft links of environments: label and target; `reflinked` are bytes of environments that other
    files share on the disk, by label.
    """

    table: Table = field(default_factory=Table)
    unreadable: list[str] = field(default_factory=list)
    mounts: list[str] = field(default_factory=list)
    targets: list[tuple[int, str]] = field(default_factory=list)
    suspects: list[Suspect] = field(default_factory=list)
    reflinked: dict[int, int] = field(default_factory=dict)
    _seen: set[tuple[int, int]] = field(default_factory=set)

    def walk(self, root: str, zone: Zone, progress: Callable[[int], None], above: int | None = None) -> None:
        """Count a folder and all below it; a folder seen before, as by a bind mount, is not counted again.

        `above` is the device of the folder around it, None where that does not matter.
        """
        stack: Stack = [(root, zone, above)]
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

    def forget(self) -> None:
        """Drop what only a walk itself needs, and the table."""
        self.table = Table()
        self._seen.clear()

    def add(self, other: "Scan", numbers: list[int]) -> None:
        """Add what another walk has seen beside its table; `numbers` are its labels' numbers here."""
        self.unreadable += other.unreadable
        self.mounts += other.mounts
        self.targets += [(numbers[label], target) for label, target in other.targets]
        self.suspects += other.suspects
        self.reflinked |= {numbers[label]: shared for label, shared in other.reflinked.items()}

    def _folder(self, descriptor: int, path: str, zone: Zone, above: int | None, stack: Stack) -> None:
        own = os.fstat(descriptor)
        if (own.st_dev, own.st_ino) in self._seen:
            return
        self._seen.add((own.st_dev, own.st_ino))
        if above not in {None, own.st_dev}:
            self.mounts.append(path)
        folder = Folder(descriptor, path, own.st_dev, zone, zone.look(path))
        self.table.alone[folder.look.folder].add(1, 0, own.st_blocks)
        try:
            with os.scandir(descriptor) as entries:
                while batch := [*islice(entries, AT_ONCE)]:
                    self._entries(batch, folder, stack)
        except OSError:
            self.unreadable.append(path)

    def _entries(self, batch: Files, folder: Folder, stack: Stack) -> None:
        below = [entry for entry in batch if entry.is_dir(follow_symlinks=False)]
        for entry in below:
            path = f"{folder.path}/{entry.name}"
            if (entered := folder.zone.enter(path)) is not None:
                stack.append((path, entered, folder.device))
        files = [entry for entry in batch if not entry.is_dir(follow_symlinks=False)] if below else batch
        if not files:
            return
        # The folder's own entry has the inode's number: what was seen under another name needs no second stat.
        waiting = self.table.open.setdefault(folder.device, {})
        groups = [waiting.get(entry.inode()) for entry in files]
        names = [entry.name for entry in files]
        common = _common_part(names, groups, folder.look)
        parts = ((common, files),) if common else self._parts(files, names, groups, folder.look)
        for part, alike in parts:
            if part.group is None:
                self._first_names(alike, part, folder)
            else:
                self._further_names(alike, part, part.group, folder)

    def _parts(
        self, files: Files, names: list[str], groups: "list[Group | None]", look: Look
    ) -> Iterable[tuple[Part, Files]]:
        """Return the files by what they have in common."""
        parts: dict[Part, Files] = {}
        for entry, name, group in zip(files, names, groups, strict=True):
            owner = look.claims.get(name)
            label = look.label(owner)
            if name.endswith(SORTED_ENDS):
                label = self.table.sorted(label, name)
            parts.setdefault(Part(group, owner, label), []).append(entry)
        return parts.items()

    def _further_names(self, files: Files, part: Part, group: Group, folder: Folder) -> None:
        """Count further names of inodes that wait."""
        if folder.wants(group.traits, part.owner):
            self._look_closer(*read_stats(files), part, folder)
        self.table.move(self.table.open[folder.device], [entry.inode() for entry in files], (part.label,))

    def _first_names(self, files: Files, part: Part, folder: Folder) -> None:
        """Count inodes without another name, and let all others wait; their device may be another one (overlayfs)."""
        files, stats = read_stats(files)
        found = inodes_of(stats)
        if any(folder.wants(inodes.traits, part.owner) for inodes in found):
            self._look_closer(files, stats, part, folder)
        for inodes in found:
            if inodes.links > 1:
                self.table.start(inodes.device, inodes.group(self.table.link(inodes.links, (part.label,))))
            else:
                self.table.alone[part.label].add(len(inodes.numbers), sum(inodes.sizes), sum(inodes.blocks))

    def _look_closer(self, files: Files, stats: Stats, part: Part, folder: Folder) -> None:
        """Note where soft links point, which files were modified late, and what other files share of them."""
        for entry, found in zip(files, stats, strict=True):
            if stat.S_ISLNK(found.st_mode):
                self._note_target(entry.name, part.label, folder)
            elif part.owner is not None and folder.is_late(found.st_mtime, part.owner):
                self._note_suspect(f"{folder.path}/{entry.name}", found, self.table.labels[part.owner])
            if folder.zone.extents and stat.S_ISREG(found.st_mode) and found.st_size >= SMALLEST:
                self.reflinked.setdefault(part.label, 0)
                self.reflinked[part.label] += shared_bytes(entry.name, folder.descriptor)

    def _note_target(self, name: str, label: int, folder: Folder) -> None:
        if folder.zone.environment:
            with suppress(OSError):
                target = os.readlink(name, dir_fd=folder.descriptor)
                self.targets.append((label, os.path.join(folder.path, target)))

    def _note_suspect(self, path: str, found: os.stat_result, owner: Label) -> None:
        if owner.kind is Kind.PACKAGE:
            self.suspects.append(Suspect(path, owner.home, owner.name, size_of(found)))


def _common_part(names: list[str], groups: "list[Group | None]", look: Look) -> Part | None:
    """Return what all files of a folder have in common, None where that is not all: in most folders it is."""
    group, lines = groups[0], "\n".join([*names, ""])
    if groups.count(group) < len(groups) or [end for end in SORTED_LINE_ENDS if end in lines]:
        return None
    owners = {*map(look.claims.get, names)} if look.claims else {None}
    owner = owners.pop()
    return None if owners else Part(group, owner, look.label(owner))
