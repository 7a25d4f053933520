"""Owns the form in which a layer's content is kept: members and conda records to compressed bytes, and back."""

import json
from array import array
from collections.abc import Iterable, Mapping
from sys import byteorder
from typing import Any

from slimconda.layers.contents import Content
from slimconda.layers.headers import HARD_LINK, SYMLINK, Kind, Member
from slimconda.layers.records import PackageRecord, Records

KINDS = tuple(Kind)
NUMBERS = {kind: number for number, kind in enumerate(KINDS)}
DAMAGED = (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError, StopIteration)
LINKS = frozenset((HARD_LINK, SYMLINK))
LARGEST = 1 << 30  # bytes of a layer's names and numbers: 10 million members
END = "\0"  # no name has one: the reader refuses tars where one does


def encode(key: str, content: Content, *, records: bool) -> bytes:
    """Return content as bytes; `records` tells whether the layer's conda records were read, if it has any."""
    import zstandard

    members = content.members
    head = {
        "key": key,
        "count": len(members),
        "packed": content.packed,
        "records": _encode_records(content.records) if records else None,
    }
    columns = [
        bytes([NUMBERS[member.kind] for member in members]),
        _pack(member.size for member in members),
        b"" if content.packed is None else _pack(member.packed for member in members),
        END.join([member.path for member in members]).encode("utf-8", "surrogateescape"),
        END.join([member.target for member in members if member.kind in LINKS]).encode("utf-8", "surrogateescape"),
    ]
    lengths = [len(column) for column in columns]
    data = b"\n".join([json.dumps(head | {"lengths": lengths}).encode(), b"".join(columns)])
    return zstandard.ZstdCompressor(level=1, write_checksum=True).compress(data)


def decode(data: bytes, key: str, *, records: bool) -> Content | None:
    """Return the content that was kept under a key; None for anything else, damaged, or kept without records."""
    import zstandard

    try:
        if not 0 < zstandard.frame_content_size(data) <= LARGEST:
            return None
        head, _, rest = zstandard.ZstdDecompressor().decompress(data).partition(b"\n")
        return _decoded(json.loads(head), rest, key, records=records)
    except (zstandard.ZstdError, *DAMAGED):
        return None


def _decoded(head: dict[str, Any], rest: bytes, key: str, *, records: bool) -> Content | None:
    if head["key"] != key or (records and head["records"] is None):
        return None
    columns = _columns(rest, head["lengths"])
    is_packed, kinds = head["packed"] is not None, [KINDS[number] for number in columns[0]]
    sizes = _unpack(columns[1])
    packed = _unpack(columns[2]) if is_packed else array("Q", bytes(8 * len(kinds)))
    links = iter(_texts(columns[4]) if any(kind in LINKS for kind in kinds) else ())
    targets = [next(links) if kind in LINKS else "" for kind in kinds]
    paths = _texts(columns[3]) if kinds else []
    members = [Member(*fields) for fields in zip(paths, kinds, sizes, targets, packed, strict=True)]
    if len(members) != head["count"] or next(links, None) is not None:
        return None
    size = int(head["packed"]) if is_packed else None
    return Content(members, size, _decode_records(head["records"]) if records else Records())


def _columns(rest: bytes, lengths: list[int]) -> list[bytes]:
    columns, start = [], 0
    for length in lengths:
        columns.append(rest[start : start + length])
        start += length
    if start != len(rest):
        raise ValueError("cut short")
    return columns


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
