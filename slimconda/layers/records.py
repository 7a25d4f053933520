"""Owns conda's records of installed packages: conda-meta/NAME-VERSION-BUILD.json to names and files."""

import json
from collections.abc import Callable
from dataclasses import dataclass

MOST_BYTES = 1 << 30  # of JSON in one layer: 2,000 packages of MKL's size


@dataclass(frozen=True, slots=True)
class PackageRecord:
    """A package installed in a prefix; `files` are paths below that prefix."""

    name: str
    version: str
    build: str
    files: tuple[str, ...]


class Records(dict[str, PackageRecord]):
    """The records of one layer by their path in the image."""

    def __init__(self) -> None:
        """Begin without any."""
        super().__init__()
        self._bytes = 0

    def keep(self, path: str) -> Callable[[bytes], None] | None:
        """Return who wants the content of a file: this, if it is a record."""
        folder, _, name = path.rpartition("/")
        if not name.endswith(".json") or folder.rpartition("/")[2] != "conda-meta" or self._bytes > MOST_BYTES:
            return None
        return lambda data: self._take(path, data)

    def _take(self, path: str, data: bytes) -> None:
        self._bytes += len(data)
        record = _record(data)
        if record is not None:
            self[path] = record


def _record(data: bytes) -> PackageRecord | None:
    """Return what a record says, or None where it is none: an image may hold anything."""
    try:
        content = json.loads(data)
        texts = [content[key] for key in ("name", "version", "build")]
        files = content.get("files", [])
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return None
    if not isinstance(files, list) or not all(isinstance(text, str) for text in [*texts, *files]):
        return None
    return PackageRecord(texts[0], texts[1], texts[2], tuple(files))
