"""Owns the finished count: for each set of labels, how many inodes have all of their names there, and their bytes.

A hard-link group is one inode with several names. What matters of it is only which labels its names have, so there is
one row per combination of labels, not one per file, and a million files fit into a few thousand rows.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from slimconda.du.labels import Label

Key = TypeVar("Key")


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

    @cached_property
    def _counts(self) -> list[tuple[tuple[int, ...], bool, int, int, int]]:
        """Return the rows as the places of their labels, each once, whether they are complete, and their bytes."""
        places = {label: place for place, label in enumerate(self.labels)}
        rows = [({*map(places.__getitem__, row.labels)}, row.complete, row.bytes) for row in self.rows]
        return [(tuple(found), whole, size.files, size.apparent, size.allocated) for found, whole, size in rows]

    def freed(self, goes: Callable[[Label], bool]) -> Bytes:
        """Return what deleting all names with such labels frees: inodes of which no other name is left."""
        stays = {place for place, label in enumerate(self.labels) if not goes(label)}
        gone = [counts for found, whole, *counts in self._counts if whole and stays.isdisjoint(found)]
        return Bytes(*map(sum, zip(*gone, strict=True))) if gone else NOTHING

    def split(self, key: Callable[[Label], Key | None]) -> dict[Key, Share]:
        """Return the bytes by a key of their names; a name whose key is None belongs to no part."""
        keys = [key(label) for label in self.labels]
        sums: dict[Key, list[int]] = {}
        for places, whole, files, apparent, allocated in self._counts:
            parts = {keys[place] for place in places}
            own = whole and len(parts) == 1
            for part in parts:
                if part is not None:
                    if part not in sums:
                        sums[part] = [0] * 6
                    counts = sums[part]
                    counts[0] += files
                    counts[1] += apparent
                    counts[2] += allocated
                    if own:
                        counts[3] += files
                        counts[4] += apparent
                        counts[5] += allocated
        return {part: Share(Bytes(*counts[:3]), Bytes(*counts[3:])) for part, counts in sums.items()}
