"""Owns the compact form of many members: batches, each as columns; a million take 3 MB where objects take 300."""

from array import array
from collections.abc import Iterable, Iterator
from itertools import islice
from struct import Struct
from sys import byteorder

from slimconda.layers.headers import HARD_LINK, SYMLINK, Kind, Member

KINDS = tuple(Kind)
NUMBERS = {kind: number for number, kind in enumerate(KINDS)}
LINKS = frozenset((HARD_LINK, SYMLINK))
BATCH = 4096  # members
LOOSE = 1 << 13  # members that stay as they are: to pack and unpack one takes a microsecond
END = "\0"  # no name has one: the reader refuses tars where one does
LENGTHS = Struct("<5I")


class Members:
    """The members of a layer in their order; all but the first are kept packed."""

    __slots__ = ("_batches", "_count", "_loose")

    def __init__(self, members: Iterable[Member] = ()) -> None:
        """Take all of them, one by one."""
        source = iter(members)
        self._loose = list(islice(source, LOOSE))
        self._count, self._batches = len(self._loose), list[bytes]()
        while batch := list(islice(source, BATCH)):
            self._batches.append(_squeezed(batch))
            self._count += len(batch)

    def __len__(self) -> int:
        """Return how many there are."""
        return self._count

    def __iter__(self) -> Iterator[Member]:
        """Yield them; any number of times."""
        yield from self._loose
        for batch in self._batches:
            yield from _expanded(batch)


def _squeezed(members: list[Member]) -> bytes:
    import zstandard

    columns = columns_of(members)
    packed = zstandard.ZstdCompressor(level=1).compress(b"".join([LENGTHS.pack(*map(len, columns)), *columns]))
    # What zstandard returns keeps room for data that does not shrink, 40 times as much; a copy does not.
    return bytes(memoryview(packed))


def _expanded(batch: bytes) -> Iterator[Member]:
    import zstandard

    data = zstandard.ZstdDecompressor().decompress(batch)
    columns, start = [], LENGTHS.size
    for length in LENGTHS.unpack(data[:start]):
        columns.append(data[start : start + length])
        start += length
    return members_of(columns)


def columns_of(members: list[Member]) -> list[bytes]:
    """Return the columns of a batch: kinds, sizes, packed sizes, paths, and targets of those that are links."""
    return [
        bytes([NUMBERS[member.kind] for member in members]),
        _pack(member.size for member in members),
        _pack(member.packed for member in members),
        END.join([member.path for member in members]).encode("utf-8", "surrogateescape"),
        END.join([member.target for member in members if member.kind in LINKS]).encode("utf-8", "surrogateescape"),
    ]


def members_of(columns: list[bytes]) -> Iterator[Member]:
    """Yield the members of a batch; raises ValueError or IndexError where the columns are none."""
    kinds = [KINDS[number] for number in columns[0]]
    links = iter(_texts(columns[4]) if any(kind in LINKS for kind in kinds) else ())
    targets = [next(links) if kind in LINKS else "" for kind in kinds]
    if not kinds or next(links, None) is not None:
        raise ValueError("no batch")
    fields = zip(_texts(columns[3]), kinds, _unpack(columns[1]), targets, _unpack(columns[2]), strict=True)
    return (Member(*row) for row in fields)


def _pack(numbers: Iterable[int]) -> bytes:
    column = array("Q", numbers)
    if byteorder == "big":
        column.byteswap()
    return column.tobytes()


def _unpack(data: bytes) -> "array[int]":
    column = array("Q", data)
    if byteorder == "big":
        column.byteswap()
    return column


def _texts(data: bytes) -> list[str]:
    return data.decode("utf-8", "surrogateescape").split(END)
