"""Owns the form in which a layer's content is kept: members and conda records to compressed bytes, and back.

Members come in batches, each as columns, so that neither way takes much more memory than the members themselves.
"""

import json
from array import array
from collections.abc import Iterable, Iterator, Mapping
from struct import Struct, error
from sys import byteorder
from typing import IO, Any

from slimconda.layers.contents import Content
from slimconda.layers.headers import HARD_LINK, SYMLINK, Kind, Member
from slimconda.layers.records import PackageRecord, Records

KINDS = tuple(Kind)
NUMBERS = {kind: number for number, kind in enumerate(KINDS)}
DAMAGED = (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError, StopIteration, error)
LINKS = frozenset((HARD_LINK, SYMLINK))
BATCH = 4096  # members
LARGEST = 1 << 30  # bytes of a column or of all records
END = "\0"  # no name has one: the reader refuses tars where one does
HEAD, LENGTHS = Struct("<I"), Struct("<5I")


def encode(key: str, content: Content, *, records: bool) -> bytes:
    """Return content as bytes; `records` tells whether the layer's conda records were read, if it has any."""
    import zstandard

    compressor = zstandard.ZstdCompressor(level=1, write_checksum=True).compressobj()
    pieces = [compressor.compress(piece) for piece in _pieces(key, content, records=records)]
    return b"".join([*pieces, compressor.flush()])


def _pieces(key: str, content: Content, *, records: bool) -> Iterator[bytes]:
    kept = _encode_records(content.records) if records else None
    fields = {"key": key, "count": len(content.members), "packed": content.packed, "records": kept}
    head = json.dumps(fields).encode()
    yield HEAD.pack(len(head)) + head
    for start in range(0, len(content.members), BATCH):
        columns = _columns(content.members[start : start + BATCH])
        yield LENGTHS.pack(*map(len, columns))
        yield from columns


def _columns(members: list[Member]) -> list[bytes]:
    return [
        bytes([NUMBERS[member.kind] for member in members]),
        _pack(member.size for member in members),
        _pack(member.packed for member in members),
        END.join([member.path for member in members]).encode("utf-8", "surrogateescape"),
        END.join([member.target for member in members if member.kind in LINKS]).encode("utf-8", "surrogateescape"),
    ]


def decode(data: bytes, key: str, *, records: bool) -> Content | None:
    """Return the content that was kept under a key; None for anything else, damaged, or kept without records."""
    import zstandard

    try:
        with zstandard.ZstdDecompressor().stream_reader(data) as reader:
            return _decoded(reader, key, records=records)
    except (zstandard.ZstdError, *DAMAGED):
        return None


def _decoded(reader: IO[bytes], key: str, *, records: bool) -> Content | None:
    (length,) = HEAD.unpack(reader.read(HEAD.size))
    head = json.loads(_read(reader, length))
    if head["key"] != key or (records and head["records"] is None):
        return None
    members: list[Member] = []
    while len(members) < head["count"]:
        members += _members([_read(reader, length) for length in LENGTHS.unpack(reader.read(LENGTHS.size))])
    if len(members) != head["count"] or reader.read(1):
        return None
    packed = None if head["packed"] is None else int(head["packed"])
    return Content(members, packed, _decode_records(head["records"]) if records else Records())


def _read(reader: IO[bytes], size: int) -> bytes:
    data = reader.read(size) if size <= LARGEST else b""
    if len(data) != size:
        raise ValueError("cut short")
    return data


def _members(columns: list[bytes]) -> Iterator[Member]:
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


def _encode_records(records: Mapping[str, PackageRecord]) -> dict[str, list[object]]:
    return {path: [one.name, one.version, one.build, list(one.files)] for path, one in records.items()}


def _decode_records(content: dict[str, list[Any]]) -> Records:
    found = Records()
    for path, (name, version, build, files) in content.items():
        found[path] = PackageRecord(str(name), str(version), str(build), tuple(map(str, files)))
    return found
