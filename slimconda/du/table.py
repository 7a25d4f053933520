"""Owns the count: for each set of labels, how many inodes have all of their names there, and their bytes.

A hard-link group is one inode with several names. What matters of it is only which labels its names have, so the table
has one row per combination of labels, not one per file, and a million files fit into a few thousand rows.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TypeVar

from slimconda.du.labels import Label, Sort, sort_of

Key = TypeVar("Key")
BLOCK = 512  # the unit of st_blocks, whatever the file system's own block is (POSIX)


@dataclass(frozen=True, slots=True)
class Bytes:
    """A number of inodes; `apparent` bytes are the content of files and symlinks, `allocated` what the disk gives."""

    files: int = 0
    apparent: int = 0
    allocated: int = 0

    def __add__(self, other: "Bytes") -> "Bytes":
        """Return the sum."""
        return Bytes(self.files + other.files, self.apparent + other.apparent, self.allocated + other.allocated)

    def __sub__(self, other: "Bytes") -> "Bytes":
        """Return the difference."""
        return Bytes(self.files - other.files, self.apparent - other.apparent, self.allocated - other.allocated)


NOTHING = Bytes()


def total(parts: Iterable[Bytes]) -> Bytes:
    """Return the sum of any number of parts."""
    files = apparent = allocated = 0
    for part in parts:
        files += part.files
        apparent += part.apparent
        allocated += part.allocated
    return Bytes(files, apparent, allocated)


@dataclass(frozen=True, slots=True)
class Row:
    """All inodes whose names have these labels (one per name); `links` is how many names the file system knows."""

    labels: tuple[Label, ...]
    links: int
    bytes: Bytes

    @property
    def complete(self) -> bool:
        """Tell whether all names were seen; else deleting those that were seen frees nothing."""
        return len(self.labels) >= self.links


@dataclass(slots=True)
class Link:
    """A combination of labels while its inodes are still being seen."""

    labels: tuple[int, ...]
    links: int
    complete: bool  # an inode with these labels has no further name
    following: dict[int, "Link"] = field(default_factory=dict)
    files: int = 0
    apparent: int = 0
    blocks: int = 0

    def add(self, size: int, blocks: int) -> None:
        """Count an inode."""
        self.files += 1
        self.apparent += size
        self.blocks += blocks


@dataclass
class Table:
    """The rows while they are counted; what is in `open` awaits further names, by device and inode number.

    `block` is the unit of allocated bytes: an image has no blocks, so there it is 1.
    """

    block: int = BLOCK
    labels: list[Label] = field(default_factory=list)
    open: dict[int, dict[int, tuple[Link, int, int]]] = field(default_factory=dict)
    alone: list[Link] = field(default_factory=list)
    _ids: dict[tuple[object, ...], int] = field(default_factory=dict)
    _sorted: dict[tuple[int, Sort], int] = field(default_factory=dict)
    _starts: dict[tuple[int, int], Link] = field(default_factory=dict)
    _links: dict[tuple[int, tuple[int, ...]], Link] = field(default_factory=dict)

    def number(self, label: Label) -> int:
        """Return a label's number, under which inodes are counted."""
        known = self._ids.get(label.key)
        if known is None:
            known = self._ids[label.key] = len(self.labels)
            self.labels.append(label)
            self.alone.append(self._link(1, (known,)))
        return known

    def sorted(self, number: int, name: str) -> int:
        """Return the number of the same label for the sort of file that a name tells."""
        sort = sort_of(name)
        known = self._sorted.get((number, sort))
        if known is None:
            known = self._sorted[number, sort] = self.number(replace(self.labels[number], sort=sort))
        return known

    def start(self, label: int, links: int) -> Link:
        """Return the row for an inode's first name."""
        known = self._starts.get((label, links))
        if known is None:
            known = self._starts[label, links] = self._link(links, (label,))
        return known

    def follow(self, link: Link, label: int) -> Link:
        """Return the row for an inode with one more name."""
        known = link.following.get(label)
        if known is None:
            labels = tuple(sorted((*link.labels, label)))
            known = link.following[label] = self._link(link.links, labels)
        return known

    def _link(self, links: int, labels: tuple[int, ...]) -> Link:
        return self._links.setdefault((links, labels), Link(labels, links, len(labels) >= links))

    def add(self, labels: Iterable[Label], links: int, size: int, blocks: int = 0) -> None:
        """Count an inode all of whose seen names are known at once."""
        numbers = tuple(sorted(map(self.number, labels)))
        self._link(links, numbers).add(size, blocks)

    def merge(self, other: "Table", numbers: list[int]) -> None:
        """Add what another table has counted; `numbers` are its labels' numbers here."""
        renamed: dict[int, Link] = {}
        for link in other._links.values():  # noqa: SLF001  # of the same class
            here = renamed[id(link)] = self._link(link.links, tuple(sorted(numbers[label] for label in link.labels)))
            here.files += link.files
            here.apparent += link.apparent
            here.blocks += link.blocks
        for device, waiting in other.open.items():
            mine = self.open.setdefault(device, {})
            for inode, (link, size, blocks) in waiting.items():
                self._join(mine, inode, renamed[id(link)], size, blocks)

    def _join(self, mine: dict[int, tuple[Link, int, int]], inode: int, link: Link, size: int, blocks: int) -> None:
        known = mine.get(inode)
        if known is not None:
            joined = known[0]
            for label in link.labels:
                joined = joined.following.get(label) or self.follow(joined, label)
            link = joined
        if link.complete:
            link.add(size, blocks)
            mine.pop(inode, None)
        else:
            mine[inode] = (link, size, blocks)

    def close(self) -> "Ledger":
        """Return all rows; inodes that still await names were linked from outside."""
        for waiting in self.open.values():
            for link, size, blocks in waiting.values():
                link.add(size, blocks)
        self.open.clear()
        return Ledger(tuple(self._rows()))

    def _rows(self) -> Iterator[Row]:
        for link in self._links.values():
            if link.files:
                labels = tuple(self.labels[number] for number in link.labels)
                yield Row(labels, link.links, Bytes(link.files, link.apparent, link.blocks * self.block))


@dataclass(frozen=True, slots=True)
class Share:
    """The bytes of all inodes with a name in some part, each once, and those with no name elsewhere: `own`."""

    bytes: Bytes = NOTHING
    own: Bytes = NOTHING

    @property
    def shared(self) -> Bytes:
        """Return the bytes that stay when the part alone is deleted."""
        return self.bytes - self.own


NO_SHARE = Share()


@dataclass(frozen=True, eq=False)
class Ledger:
    """The finished count."""

    rows: tuple[Row, ...]

    @property
    def total(self) -> Bytes:
        """Return the bytes of all inodes, each once."""
        return total(row.bytes for row in self.rows)

    @cached_property
    def labels(self) -> tuple[Label, ...]:
        """Return all labels in use."""
        return tuple(dict.fromkeys(label for row in self.rows for label in row.labels))

    def freed(self, goes: Callable[[Label], bool]) -> Bytes:
        """Return what deleting all names with such labels frees: inodes of which no other name is left."""
        gone = {label for label in self.labels if goes(label)}
        return total(row.bytes for row in self.rows if row.complete and gone.issuperset(row.labels))

    def split(self, key: Callable[[Label], Key | None]) -> dict[Key, Share]:
        """Return the bytes by a key of their names; a name whose key is None belongs to no part."""
        keys = {label: key(label) for label in self.labels}
        sums: dict[Key, list[int]] = {}
        for row in self.rows:
            parts = {keys[label] for label in row.labels}
            alone = len(parts) == 1 and row.complete
            for part in parts:
                if part is not None:
                    _add(sums.setdefault(part, [0] * 6), row.bytes, own=alone)
        return {part: Share(Bytes(*counts[:3]), Bytes(*counts[3:])) for part, counts in sums.items()}


def _add(counts: list[int], size: Bytes, *, own: bool) -> None:
    """Add to the counts of all bytes, and to those of own bytes after them."""
    for start in (0, 3) if own else (0,):
        counts[start] += size.files
        counts[start + 1] += size.apparent
        counts[start + 2] += size.allocated
