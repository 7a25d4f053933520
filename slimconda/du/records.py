"""Owns what an environment's own records of conda packages say: conda-meta/*.json, as claims on paths."""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

LARGEST_RECORD = 256 << 20  # the largest seen have 20 MB; a larger one is not read
FILES = re.compile(rb'"files"\s*:\s*\[')
LINK = re.compile(rb'"link"\s*:\s*(\{[^{}]*\})')
SOURCE_RECORDS = 20  # enough to know from which cache an environment was made


@dataclass(frozen=True)
class Record:
    """An installed conda package: `stem` is NAME-VERSION-BUILD; `time` is when the record was written.

    `link` says how it was installed, where that is recorded; `source` is the extracted package.
    """

    stem: str
    files: tuple[str, ...]
    time: float
    link: str | None
    source: str | None


def name_of(stem: str) -> str:
    """Return the name in NAME-VERSION-BUILD."""
    return stem.rsplit("-", 2)[0]


def version_of(stem: str) -> str:
    """Return the version in NAME-VERSION-BUILD."""
    return stem.rsplit("-", 2)[1] if stem.count("-") >= 2 else ""


LINKS = {1: "hard link", 2: "soft link", 3: "copy"}  # conda.models.enums.LinkType


def stems(prefix: str) -> list[str]:
    """Return NAME-VERSION-BUILD of each installed package, sorted."""
    try:
        with os.scandir(f"{prefix}/conda-meta") as entries:
            names = [entry.name for entry in entries if entry.is_file(follow_symlinks=False)]
    except OSError:
        return []
    return sorted(name.removesuffix(".json") for name in names if name.endswith(".json") and name.count("-") >= 2)


def record_bytes(prefix: str) -> int:
    """Return the size of all records: a hint of how many files an environment has, without reading them."""
    try:
        with os.scandir(f"{prefix}/conda-meta") as entries:
            return sum(entry.stat(follow_symlinks=False).st_size for entry in entries if entry.name.endswith(".json"))
    except OSError:
        return 0


def read_records(prefix: str) -> Iterator[Record]:
    """Yield the records of an environment; what cannot be read as one claims nothing."""
    for stem in stems(prefix):
        try:
            record = _read(f"{prefix}/conda-meta/{stem}.json", stem)
        except (OSError, ValueError, RecursionError):
            continue
        yield record


def load_bounded(path: str) -> tuple[bytes, float]:
    """Return a regular file's bytes and its time; raises OSError, or ValueError where it is too large."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if found.st_size > LARGEST_RECORD:
            raise ValueError(f"{path}: larger than {LARGEST_RECORD} bytes")
        return file.read(found.st_size + 1), found.st_mtime


def _read(path: str, stem: str) -> Record:
    data, time = load_bounded(path)
    match = LINK.search(data)
    link = json.loads(match[1]) if match else {}
    kind, source = link.get("type"), link.get("source")
    return Record(
        stem,
        _files(data),
        time,
        LINKS.get(kind) if isinstance(kind, int) else None,
        source if isinstance(source, str) else None,
    )


def _files(data: bytes) -> tuple[str, ...]:
    """Return the list `files`; the rest of a record is ten times as long, and mostly not needed."""
    start = FILES.search(data)
    if start is not None:
        try:
            return _texts(json.loads(data[start.end() - 1 : data.index(b"]", start.end()) + 1]))
        except ValueError:  # a file name with a bracket
            pass
    content = json.loads(data)
    return _texts(content.get("files") if isinstance(content, dict) else None)


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(value) if isinstance(value, list) and set(map(type, value)) <= {str} else ()
