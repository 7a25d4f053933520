"""Owns the compact form of many members: batches, each as columns; a million take 4 MB where objects take 300."""

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice, repeat
from struct import Struct
from sys import byteorder
from typing import Self

from slimconda.errors import ImageError
from slimconda.layers.headers import Kind, Row

KINDS = tuple(Kind)
NUMBERS = {kind: number for number, kind in enumerate(KINDS)}
BATCH = 4096  # members
# Of an image. A million take 140 MB and 6 s; packed, so many that say the same take a thousandth of their headers.
MOST_MEMBERS = 10_000_000
LOOSE = 2  # batches that stay as they are: loading what packs them takes longer than they do
END = "\0"  # no name has one: the reader refuses tars where one does
LENGTHS = Struct("<4I")

Costs = Callable[[Sequence[int]], Iterable[int]]
Entry = tuple[str, Kind, int, str, int]
"""A member's path, kind, size, target, and what it takes of a compressed blob: what Member names, at less cost."""


class Members:
    """The members of a layer in their order, packed; each time it is asked for them it makes them anew."""

    __slots__ = ("_batches", "_costs", "_count")

    def __init__(self, rows: Iterable[Row] = (), costs: Costs | None = None) -> None:
        """Take the rows one by one; then `costs` tells, by where their data begin, what each takes of the blob.

        Raises ImageError as soon as there are too many.
        """
        source, places = iter(rows), array("Q")
        self._batches, self._costs, self._count = list[bytes | list[bytes]](), list[bytes](), 0
        while batch := list(islice(source, BATCH)):
            columns = _columns(batch)
            self._batches.append(columns if len(self._batches) < LOOSE else _squeezed(columns))
            self._count += len(batch)
            check_count(self._count)
            if costs is not None:
                places.extend([row[4] for row in batch])
        if costs is not None:
            taken = iter(costs(places))
            self._costs = [squeeze(_bytes(islice(taken, BATCH))) for _ in self._batches]

    @classmethod
    def restored(cls, frames: Sequence[bytes], costs: Sequence[bytes], count: int) -> Self:
        """Return the members that `frames` and `costs` were of."""
        members = cls()
        members._batches, members._costs, members._count = list(frames), list(costs), count
        return members

    def frames(self) -> Iterator[bytes]:
        """Yield the batches as bytes."""
        return (_squeezed(batch) if isinstance(batch, list) else batch for batch in self._batches)

    @property
    def costs(self) -> tuple[bytes, ...]:
        """Return for each batch what its members take of a compressed blob; nothing of a plain one."""
        return tuple(self._costs)

    def __len__(self) -> int:
        """Return how many there are."""
        return self._count

    def __iter__(self) -> Iterator[Entry]:
        """Yield them; any number of times."""
        for index, batch in enumerate(self._batches):
            columns = batch if isinstance(batch, list) else _expanded(batch)
            costs = _integers(expand(self._costs[index])) if self._costs else repeat(0)
            yield from _entries(columns, costs)


def check_count(members: int) -> None:
    """Raise ImageError for more members than an image may have."""
    if members > MOST_MEMBERS:
        raise ImageError(f"it has more than {MOST_MEMBERS:,} files and folders")


def _columns(rows: list[Row]) -> list[bytes]:
    """Return the columns of a batch: names, kinds, sizes, targets."""
    names, kinds, sizes, targets, _ = zip(*rows, strict=True)
    return [b"\0".join(names), bytes(map(NUMBERS.__getitem__, kinds)), _bytes(sizes), b"\0".join(targets)]


def _entries(columns: list[bytes], costs: Iterable[int]) -> Iterator[Entry]:
    names, kinds, sizes, targets = columns
    return zip(_texts(names), map(KINDS.__getitem__, kinds), _integers(sizes), _texts(targets), costs, strict=False)


def _texts(column: bytes) -> list[str]:
    return column.decode("utf-8", "surrogateescape").split(END)


def _bytes(numbers: Iterable[int]) -> bytes:
    column = array("Q", numbers)
    if byteorder == "big":
        column.byteswap()
    return column.tobytes()


def _integers(column: bytes) -> "array[int]":
    numbers = array("Q", column)
    if byteorder == "big":
        numbers.byteswap()
    return numbers


def _squeezed(columns: list[bytes]) -> bytes:
    return squeeze(b"".join([LENGTHS.pack(*map(len, columns)), *columns]))


def _expanded(frame: bytes) -> list[bytes]:
    data, columns, start = expand(frame), [], LENGTHS.size
    for length in LENGTHS.unpack(data[:start]):
        columns.append(data[start : start + length])
        start += length
    return columns


def squeeze(data: bytes) -> bytes:
    """Return data in the form that takes little memory."""
    import zstandard

    packed = zstandard.ZstdCompressor(level=1).compress(data)
    # What zstandard returns keeps room for data that does not shrink, 40 times as much; a copy does not.
    return bytes(memoryview(packed))


def expand(data: bytes) -> bytes:
    """Return what was squeezed."""
    import zstandard

    return zstandard.ZstdDecompressor().decompress(data)
