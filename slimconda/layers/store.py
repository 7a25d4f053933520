"""Owns the folder in which layers' contents are kept between runs: a file for each, the least used go first."""

import hashlib
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from slimconda import __version__
from slimconda.cache import code_digest
from slimconda.errors import InputError
from slimconda.layers.contents import Content
from slimconda.layers.entries import decode, encode
from slimconda.writing import write_file

LARGEST_FOLDER = 256 << 20  # bytes; a layer of 100,000 files takes less than one million
SUFFIX = ".layer"


@dataclass(frozen=True)
class Store:
    """Keeps contents below a folder by keys; who asks for a key must know that it is of that content.

    What cannot be read, was written by another version or is damaged is as if it were not there.
    """

    folder: Path
    largest: int = LARGEST_FOLDER

    def has(self, key: str) -> bool:
        """Tell whether something is kept under a key; it may turn out to be damaged."""
        return self._path(key).is_file()

    def load(self, key: str, *, records: bool) -> Content | None:
        """Return the content under a key, None where there is none, or none with records where these are wanted."""
        path = self._path(key)
        try:
            content = decode(path.read_bytes(), key, records=records)
            if content is not None:
                os.utime(path)  # what was used last goes last
        except OSError:
            return None
        return content

    def save(self, key: str, content: Content, *, records: bool) -> None:
        """Keep content under a key; a folder that cannot be written is left alone."""
        self.write(key, encode(key, content, records=records))

    def read(self, key: str) -> bytes | None:
        """Return the bytes under a key, None where there are none."""
        try:
            return self._path(key).read_bytes()
        except OSError:
            return None

    def write(self, key: str, data: bytes) -> None:
        """Keep bytes under a key, and let go of the least used files while the folder is too large."""
        if len(data) > self.largest // 4:
            return
        with suppress(OSError, InputError):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_file(self._path(key), data)
            self._shrink()

    def _path(self, key: str) -> Path:
        name = "\0".join((__version__, code_digest(), key))
        return self.folder / f"{hashlib.sha256(name.encode()).hexdigest()}{SUFFIX}"

    def _shrink(self) -> None:
        files = [(path, path.stat()) for path in self.folder.glob(f"*{SUFFIX}")]
        size = sum(status.st_size for _, status in files)
        for path, status in sorted(files, key=lambda file: file[1].st_mtime_ns):
            if size <= self.largest:
                return
            path.unlink(missing_ok=True)
            size -= status.st_size
