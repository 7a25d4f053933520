"""Owns the form in which a layer's content is kept: members and conda records to compressed bytes, and back.

Members come in batches, each as columns, so that neither way takes much memory.
"""

import json
from collections.abc import Iterator, Mapping
from itertools import islice
from struct import Struct, error
from typing import IO, Any

from slimconda.layers.columns import BATCH, LENGTHS, Members, columns_of, members_of
from slimconda.layers.contents import Content
from slimconda.layers.headers import Member
from slimconda.layers.records import PackageRecord, Records

DAMAGED = (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError, StopIteration, error)
LARGEST = 1 << 30  # bytes of a column or of all records
HEAD = Struct("<I")


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
    members = iter(content.members)
    while batch := list(islice(members, BATCH)):
        columns = columns_of(batch)
        yield LENGTHS.pack(*map(len, columns))
        yield from columns


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
    members = Members(_batches(reader, head["count"]))
    if len(members) != head["count"] or reader.read(1):
        return None
    packed = None if head["packed"] is None else int(head["packed"])
    return Content(members, packed, _decode_records(head["records"]) if records else Records())


def _batches(reader: IO[bytes], left: int) -> Iterator[Member]:
    while left > 0:
        batch = list(members_of([_read(reader, length) for length in LENGTHS.unpack(reader.read(LENGTHS.size))]))
        left -= len(batch)
        yield from batch


def _read(reader: IO[bytes], size: int) -> bytes:
    data = reader.read(size) if size <= LARGEST else b""
    if len(data) != size:
        raise ValueError("cut short")
    return data


def _encode_records(records: Mapping[str, PackageRecord]) -> dict[str, list[object]]:
    return {path: [one.name, one.version, one.build, list(one.files)] for path, one in records.items()}


def _decode_records(content: dict[str, list[Any]]) -> Records:
    found = Records()
    for path, (name, version, build, files) in content.items():
        found[path] = PackageRecord(str(name), str(version), str(build), tuple(map(str, files)))
    return found
