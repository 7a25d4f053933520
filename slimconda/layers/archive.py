"""Owns image archives and folders as files: finds a layer's bytes in them and reads its members; extracts nothing."""

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from slimconda.errors import ImageError
from slimconda.layers.columns import Members, check_count
from slimconda.layers.contents import Content, read_content
from slimconda.layers.kept import Part, Seen, kept_or_read
from slimconda.layers.manifest import Documents, LayerSource, read_layers
from slimconda.layers.packing import Packing, Unpacked, sniff
from slimconda.layers.parallel import Meter, in_order
from slimconda.layers.repeats import Repeats
from slimconda.layers.request import Layers, Request
from slimconda.layers.streams import PIECE, Chunks, FilePart, Stream, counted, pieces
from slimconda.layers.tar import Kind, Member, scan
from slimconda.layers.tree import normalise

LARGEST_DOCUMENT = 16 << 20  # bytes of a manifest or config
LARGEST_DOCUMENTS = 64 << 20  # bytes of all that a stream may make us keep
MOST_LINKS = 16
UNKNOWN_SIZE = 1 << 62


Find = Callable[[str], Callable[[LayerSource], Content] | None]
"""Gives for a path what is known of the layer there without reading it."""


def unknown(_: str) -> None:
    """Know of no path what layer is there."""


@dataclass(frozen=True)
class Blob:
    """A file of an archive: as a JSON text, and as the layer that a source describes.

    `is_packed` tells whether reading it as a layer has a decompressor work, `size` how many bytes are still to be read
    for that.
    """

    document: Callable[[], bytes]
    content: Callable[[LayerSource], Content]
    is_packed: Callable[[], bool] = lambda: False
    size: int = 0


@dataclass(frozen=True)
class Contents:
    """The files of an archive by path, and links to them."""

    blobs: dict[str, Blob] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)

    def find(self, path: str) -> Blob | None:
        """Return the file that a path names, behind links."""
        path = normalise(path)
        for _ in range(MOST_LINKS):
            if path not in self.links:
                break
            path = self.links[path]
        return self.blobs.get(path)

    def note(self, member: Member, blob: Blob) -> None:
        """Keep a member; the last one of a path wins."""
        path = normalise(member.path)
        self.blobs.pop(path, None)
        self.links.pop(path, None)
        if member.kind is Kind.FILE:
            self.blobs[path] = blob
        elif member.kind is Kind.HARD_LINK:
            self.links[path] = normalise(member.target)
        elif member.kind is Kind.SYMLINK:
            self.links[path] = normalise(f"{path.rpartition('/')[0]}/{member.target}")


def read_archive(target: str, request: Request) -> Layers:
    """Yield the layers of an image in a tar (docker save, podman, OCI), lowest first, with their members.

    The tar may be compressed as a whole. Raises ImageError, whose one line says what is wrong; the caller names the
    file.
    """
    with _opened(Path(target)) as file:
        kind = os.fstat(file).st_mode
        if stat.S_ISCHR(kind):
            raise ImageError("neither a file nor a pipe")
        if not stat.S_ISREG(kind):  # inspect <(docker save ...)
            chunks = counted(iter(lambda: os.read(file, PIECE), b""), request.progress)
            yield from read_stream(chunks, request)
            return
        meter, contents = Meter(request.progress), Contents()
        outer = FilePart(file, 0, os.fstat(file).st_size)
        if (packing := sniff(outer.peek(4))) is not Packing.PLAIN:
            request.expect(os.fstat(file).st_size)
            outer = FilePart(file, 0, os.fstat(file).st_size, meter.add)
            yield from read_stream(iter(Unpacked(outer, os.fstat(file).st_size, packing)), request)
            return
        for member in scan(outer, lambda: False):
            contents.note(member, _file_blob(file, outer.position, member.size, meter, request))
        yield from _layers(contents.find, request, meter)


def read_folder(target: str, request: Request) -> Layers:
    """Yield the layers of an image in a folder (OCI layout, or skopeo's dir:); raises ImageError."""
    meter = Meter(request.progress)

    def find(inner: str) -> Blob | None:
        file = Path(target) / normalise(inner)
        try:
            return _folder_blob(file, meter, request) if file.is_file() else None
        except OSError as error:
            raise ImageError(f"{inner} cannot be read ({error.strerror})") from None

    yield from _layers(find, request, meter)


def read_stream(chunks: Iterator[bytes], request: Request, known: Find = unknown) -> Layers:
    """Yield the layers of an image in a tar that comes as a stream, in one pass; raises ImageError.

    Layers come before the manifest that orders them, so all are read before the first is yielded, but for those that
    are `known` by their paths.
    """
    outer, contents, kept = Chunks(chunks), Contents(), 0
    if (packing := sniff(outer.peek(4))) is not Packing.PLAIN:
        outer = Chunks(iter(Unpacked(outer, UNKNOWN_SIZE, packing)))
    for member in scan(outer, lambda: False):
        blob = _streamed_blob(outer, member, request, known)
        kept += 0 if blob.document is _not_json else member.size
        if kept > LARGEST_DOCUMENTS:
            raise ImageError(f"it has more than {LARGEST_DOCUMENTS:,} bytes of JSON")
        contents.note(member, blob)
    while outer.skip(PIECE):
        pass  # a connection can be closed cleanly only once all was read
    yield from _layers(contents.find, request, Meter(request.progress))


def _layers(find: Callable[[str], Blob | None], request: Request, meter: Meter) -> Layers:
    def read(path: str) -> bytes:
        return _found(path, find(path)).document()

    sources = read_layers(Documents(read, lambda path: find(path) is not None), request.choice)
    if not request.layers:
        yield from ((source, Members()) for source in sources)
        return
    blobs = {path: _found(path, find(path)) for path in {source.path: None for source in sources}}
    listed = [blobs[source.path] for source in sources]
    again = Repeats(listed)

    def content(source: LayerSource) -> Content:
        blob = blobs[source.path]
        try:
            return again.read(blob, lambda: blob.content(source))
        except ImageError as error:
            raise ImageError(f"layer {source.path}: {error}") from None

    request.expect(sum(blob.size for blob in set(listed)))
    worthwhile = sum(blob.is_packed() for blob in blobs.values()) > 1
    count = 0
    for source, read_one in in_order(content, sources, worthwhile=worthwhile, stop=meter.stop):
        check_count(count := count + len(read_one.members))
        yield read_one.described(source), read_one.members


def _found(path: str, blob: Blob | None) -> Blob:
    if blob is None:
        raise ImageError(f"{path} is missing from it")
    return blob


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    try:
        file = os.open(path, os.O_RDONLY)
    except OSError as error:
        raise ImageError(f"cannot be read ({error.strerror})") from None
    try:
        yield file
    except OSError as error:
        raise ImageError(f"cannot be read ({error.strerror})") from None
    finally:
        os.close(file)


def _file_blob(file: int, start: int, size: int, meter: Meter, request: Request) -> Blob:
    def content(source: LayerSource) -> Content:
        def whole(_: Stream) -> bool:
            return _digest(FilePart(file, start, size), size) == source.digest

        def read(seen: Seen | None) -> Content:
            part = FilePart(file, start, size, meter.add)
            found = read_content(part, size, whole, records=request.records, seen=seen)
            part.finish()
            return found

        return kept_or_read(request, Part(file, start, size), source, read)

    def is_packed() -> bool:
        return sniff(FilePart(file, start, size).peek(4)) is not Packing.PLAIN

    return Blob(lambda: _document(FilePart(file, start, size), size), content, is_packed, size)


def _folder_blob(path: Path, meter: Meter, request: Request) -> Blob:
    def document() -> bytes:
        with _opened(path) as file:
            size = os.fstat(file).st_size
            return _document(FilePart(file, 0, size), size)

    def content(source: LayerSource) -> Content:
        with _opened(path) as file:
            return _file_blob(file, 0, os.fstat(file).st_size, meter, request).content(source)

    def is_packed() -> bool:
        with _opened(path) as file:
            return _file_blob(file, 0, os.fstat(file).st_size, meter, request).is_packed()

    return Blob(document, content, is_packed, path.stat().st_size)


def _streamed_blob(outer: Chunks, member: Member, request: Request, known: Find) -> Blob:
    """Read now what the stream gives only once: JSON as it is, else a layer, or why it is none."""
    if member.kind is not Kind.FILE:
        return Blob(_not_json, _no_members)
    if (given := known(normalise(member.path))) is not None:
        return Blob(_not_json, given)
    if outer.peek(min(1, member.size)) in {b"{", b"["}:
        data = _document(outer, member.size)
        return Blob(lambda: data, _no_members)
    part = Chunks(pieces(outer, member.size))
    try:
        content = read_content(part, member.size, lambda at: at.position == member.size, records=request.records)
    except ImageError as error:
        return Blob(_not_json, _raiser(error))
    return Blob(_not_json, lambda _: content)


def _raiser(error: ImageError) -> Callable[[LayerSource], Content]:
    def content(_: LayerSource) -> Content:
        raise error

    return content


def _not_json() -> bytes:
    raise ImageError("what should be JSON is none")


def _no_members(_: LayerSource) -> Content:
    raise ImageError("it is not a tar")


def _document(stream: Stream, size: int) -> bytes:
    if size > LARGEST_DOCUMENT:
        raise ImageError(f"a manifest of {size:,} bytes is too large")
    return stream.read(size)


def _digest(stream: FilePart, size: int) -> str:
    """Return the digest of a blob's plain bytes."""
    digest = hashlib.sha256()
    packing = sniff(stream.peek(4))
    for piece in pieces(stream, size) if packing is Packing.PLAIN else Unpacked(stream, size, packing):
        digest.update(piece)
    return f"sha256:{digest.hexdigest()}"
