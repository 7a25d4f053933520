"""Owns the count while names are still being seen: inodes wait in groups until all of their names were seen.

Inodes that had the same labels up to now, and whose names stood together in a folder, are one group, and as a rule they
stand together in each further folder: then a whole folder is counted in one step.
"""

import math
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from slimconda.du.labels import IN_ENVIRONMENT, Kind, Label, Sort, sort_of, stem_of
from slimconda.du.ledger import Bytes, Ledger, Row

if TYPE_CHECKING:
    from array import array

Installed = Mapping[str, Container[str]]
BLOCK = 512  # the unit of st_blocks, whatever the file system's own block is (POSIX)


@dataclass(slots=True, eq=False)
class Link:
    """A combination of labels while its inodes are still being seen."""

    labels: tuple[int, ...]
    links: int
    complete: bool  # an inode with these labels has no further name
    following: dict[int, "Link"] = field(default_factory=dict)
    files: int = 0
    apparent: int = 0
    blocks: int = 0

    def add(self, files: int, apparent: int, blocks: int) -> None:
        """Count inodes."""
        self.files += files
        self.apparent += apparent
        self.blocks += blocks


class Traits(NamedTuple):
    """What is known of files without looking at each: the latest modification, the largest, are there soft links."""

    newest: float = -math.inf
    largest: int = 0
    soft: bool = False


NO_TRAITS = Traits()


@dataclass(slots=True, eq=False)
class Group:
    """Inodes that await further names; `members` are inode number, size and blocks of each, one after the other."""

    link: Link
    members: "array[int]"
    traits: Traits = NO_TRAITS

    @property
    def inodes(self) -> "array[int]":
        """Return the inode numbers."""
        return self.members[::3]

    def count(self) -> None:
        """Count all of them."""
        self.link.add(len(self.members) // 3, sum(self.members[1::3]), sum(self.members[2::3]))

    def singles(self) -> Iterator[tuple[int, "Group"]]:
        """Yield each inode with a group of its own."""
        for start in range(0, len(self.members), 3):
            yield self.members[start], replace(self, members=self.members[start : start + 3])


Waiting = dict[int, Group]


@dataclass
class Table:
    """The rows while they are counted; what is in `open` awaits further names, by device and inode number.

    `block` is the unit of allocated bytes: an image has no blocks, so there it is 1.
    """

    block: int = BLOCK
    labels: list[Label] = field(default_factory=list)
    open: dict[int, Waiting] = field(default_factory=dict)
    alone: list[Link] = field(default_factory=list)
    links: dict[tuple[int, tuple[int, ...]], Link] = field(default_factory=dict)
    _ids: dict[tuple[object, ...], int] = field(default_factory=dict)
    _sorted: dict[tuple[int, Sort], int] = field(default_factory=dict)

    def number(self, label: Label) -> int:
        """Return a label's number, under which inodes are counted."""
        known = self._ids.get(label.key)
        if known is None:
            known = self._ids[label.key] = len(self.labels)
            self.labels.append(label)
            self.alone.append(self.link(1, (known,)))
        return known

    def sorted(self, number: int, name: str) -> int:
        """Return the number of the same label for the sort of file that a name tells."""
        sort = sort_of(name)
        known = self._sorted.get((number, sort))
        if known is None:
            known = self._sorted[number, sort] = self.number(replace(self.labels[number], sort=sort))
        return known

    def link(self, links: int, labels: tuple[int, ...]) -> Link:
        """Return the row for inodes with that many names, of which those with these labels, sorted, were seen."""
        known = self.links.get((links, labels))
        if known is None:
            known = self.links[links, labels] = Link(labels, links, len(labels) >= links)
        return known

    def add(self, labels: Iterable[Label], links: int, size: int, blocks: int = 0) -> None:
        """Count an inode all of whose seen names are known at once."""
        numbers = tuple(sorted(map(self.number, labels)))
        self.link(links, numbers).add(1, size, blocks)

    def start(self, device: int, group: Group) -> None:
        """Let inodes wait of which one name, of the one label of their row, was seen in a folder."""
        waiting, numbers = self.open.setdefault(device, {}), group.inodes
        if waiting.keys().isdisjoint(numbers) and len(set(numbers)) == len(numbers):
            waiting.update(dict.fromkeys(numbers, group))
            return
        for number, single in group.singles():
            if number in waiting:
                self.move(waiting, [number], group.link.labels)
            else:
                waiting[number] = single

    def move(self, waiting: Waiting, inodes: Sequence[int], labels: Iterable[int]) -> None:
        """Note further names, one of each label, of inodes of one group: it moves on as a whole or falls apart."""
        group = waiting.get(inodes[0])
        if group is not None and len(inodes) * 3 == len(group.members) and len(set(inodes)) == len(inodes):
            self._move(waiting, group, labels)
            return
        for inode in inodes:
            group = waiting.get(inode)
            if group is None:  # it has more names by now than it had when it was first seen
                continue
            if len(group.members) > 3:
                waiting.update(group.singles())
            self._move(waiting, waiting[inode], labels)

    def _move(self, waiting: Waiting, group: Group, labels: Iterable[int]) -> None:
        for label in labels:
            group.link = group.link.following.get(label) or self._follow(group.link, label)
        if group.link.complete:
            group.count()
            for inode in group.inodes:
                del waiting[inode]

    def _follow(self, link: Link, label: int) -> Link:
        known = link.following[label] = self.link(link.links, tuple(sorted((*link.labels, label))))
        return known

    def close(self, installed: Installed = MappingProxyType({})) -> Ledger:
        """Return all rows; inodes that still await names were linked from outside.

        `installed` are the packages of each environment: what is linked with an extracted one of them is that one's.
        """
        for waiting in self.open.values():
            for group in dict.fromkeys(waiting.values()):
                group.count()
        self.open.clear()
        return Ledger(tuple(self._rows(installed)))

    def _rows(self, installed: Installed) -> Iterator[Row]:
        for link in [*self.links.values()]:
            if link.files:
                labels = tuple(self._owned([self.labels[number] for number in link.labels], installed))
                yield Row(labels, link.links, Bytes(link.files, link.apparent, link.blocks * self.block))

    def _owned(self, labels: list[Label], installed: Installed) -> Iterator[Label]:
        stems = sorted({stem_of(label) for label in labels if label.kind is Kind.EXTRACTED}) if len(labels) > 1 else []
        for label in labels:
            stem = next((stem for stem in stems if stem in installed.get(label.home, ())), None)
            if stem is None or label.kind not in IN_ENVIRONMENT:
                yield label
            else:
                yield self.labels[self.number(replace(label, kind=Kind.PACKAGE, name=stem))]
