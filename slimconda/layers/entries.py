"""Owns the form in which a layer's content is kept: members and conda records to compressed bytes, and back.

Members stay packed, so that neither way takes long or much memory; a checksum tells damage.
"""

import json
from collections.abc import Iterator, Mapping
from struct import Struct, error
from typing import Any
from zlib import crc32

from slimconda.layers.columns import Members, expand, squeeze
from slimconda.layers.contents import Content
from slimconda.layers.records import PackageRecord, Records

DAMAGED = (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError, StopIteration, error)
CHECKSUM, LENGTH = Struct("<I"), Struct("<I")


def encode(key: str, content: Content, *, records: bool) -> bytes:
    """Return content as bytes; `records` tells whether the layer's conda records were read, if it has any."""
    frames, costs = list(content.members.frames()), content.members.costs
    head = squeeze(
        json.dumps(
            {
                "key": key,
                "count": len(content.members),
                "packed": content.packed,
                "frames": [len(frame) for frame in frames],
                "costs": [len(frame) for frame in costs],
                "records": _encode_records(content.records) if records else None,
            }
        ).encode()
    )
    rest = b"".join([LENGTH.pack(len(head)), head, *frames, *costs])
    return CHECKSUM.pack(crc32(rest)) + rest


def decode(data: bytes, key: str, *, records: bool) -> Content | None:
    """Return the content that was kept under a key; None for anything else, damaged, or kept without records."""
    try:
        (checksum,), rest = CHECKSUM.unpack_from(data), memoryview(data)[CHECKSUM.size :]
        return _decoded(rest, key, records=records) if crc32(rest) == checksum else None
    except DAMAGED:
        return None


def _decoded(data: memoryview, key: str, *, records: bool) -> Content | None:
    (length,), data = LENGTH.unpack_from(data), data[LENGTH.size :]
    head = json.loads(expand(bytes(data[:length])))
    if head["key"] != key or (records and head["records"] is None):
        return None
    frames = _cut(data[length:], [*head["frames"], *head["costs"]])
    batches = [next(frames) for _ in head["frames"]]
    members = Members.restored(batches, list(frames), head["count"])
    return Content(members, head["packed"], _decode_records(head["records"]) if records else Records())


def _cut(data: memoryview, lengths: list[int]) -> Iterator[bytes]:
    start = 0
    for length in lengths:
        yield bytes(data[start : start + length])
        start += length


def _encode_records(records: Mapping[str, PackageRecord]) -> dict[str, list[object]]:
    return {path: [one.name, one.version, one.build, list(one.files)] for path, one in records.items()}


def _decode_records(content: dict[str, list[Any]]) -> Records:
    found = Records()
    for path, (name, version, build, files) in content.items():
        found[path] = PackageRecord(str(name), str(version), str(build), tuple(map(str, files)))
    return found
