"""Owns which kept content may stand for a layer: that of the same unchanged file, or of a digest that was verified.

A digest that an archive states proves nothing: only bytes that were hashed have it. So plain layers, whose headers are
read faster than all of their bytes are hashed, are known again by their file alone.
"""

import hashlib
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from slimconda.layers.contents import Content
from slimconda.layers.manifest import LayerSource
from slimconda.layers.packing import Packing, sniff
from slimconda.layers.request import Request
from slimconda.layers.streams import FilePart, pieces

DIGITS = re.compile(r"[0-9a-f]{64}")
# A file that changed so shortly before could change again within one tick of its file system's clock.
SETTLED_AFTER = 2_000_000_000  # nanoseconds

Seen = Callable[[bytes], object]
Read = Callable[[Seen | None], Content]
"""Reads the layer, and tells every byte of its blob where somebody wants to see them."""


@dataclass(frozen=True)
class Part:
    """Where a blob lies: `size` bytes from `start` of an open file."""

    file: int
    start: int
    size: int

    def stream(self) -> FilePart:
        """Return its bytes."""
        return FilePart(self.file, self.start, self.size)


def kept_or_read(request: Request, part: Part, source: LayerSource, read: Read) -> Content:
    """Return the content of a layer's blob: a kept one, or what `read` reads.

    Raises ImageError as `read` does.
    """
    store, records = request.store, request.records
    if store is None:
        return read(None)
    own, stated = _file_key(part), _stated_digest(part, source)
    if own and (content := store.load(own, records=records)) is not None:
        request.expect(-part.size)
        return content
    content = None
    if stated and store.has(stated) and _digest(part) == stated:
        content = store.load(stated, records=records)
        request.expect(-part.size if content else 0)
    if content is None:
        digest = hashlib.sha256()
        content = read(digest.update if stated else None)
        if stated == f"sha256:{digest.hexdigest()}":
            store.save(stated, content, records=records)
    if own:
        store.save(own, content, records=records)
    return content


def _file_key(part: Part) -> str:
    """Return what tells a part of a file apart as long as nobody writes the file; "" where it is too new for that."""
    status = os.fstat(part.file)
    if time.time_ns() - max(status.st_ctime_ns, status.st_mtime_ns) < SETTLED_AFTER:
        return ""
    parts = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    return f"file {' '.join(map(str, parts))}: {part.size} from {part.start}"


def _stated_digest(part: Part, source: LayerSource) -> str:
    """Return the digest that a compressed blob is named by, "" where it has none or is plain."""
    name = source.path.rpartition("/")[2]
    if not DIGITS.fullmatch(name) or sniff(part.stream().peek(4)) is Packing.PLAIN:
        return ""
    return f"sha256:{name}"


def _digest(part: Part) -> str:
    digest = hashlib.sha256()
    for piece in pieces(part.stream(), part.size):
        digest.update(piece)
    return f"sha256:{digest.hexdigest()}"
