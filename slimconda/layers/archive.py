"""Owns image archives and folders as files: finds a layer's bytes in them and reads its members; extracts nothing."""

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from slimconda.errors import ImageError
from slimconda.layers.manifest import Documents, LayerSource, read_layers
from slimconda.layers.streams import PIECE, Chunks, FilePart, Stream, counted, gunzip, pieces
from slimconda.layers.tar import Kind, Member, scan
from slimconda.layers.tree import normalise

LARGEST_DOCUMENT = 16 << 20  # bytes of a manifest or config
LARGEST_DOCUMENTS = 64 << 20  # bytes of all that a stream may make us keep
MOST_LINKS = 16
GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"

Progress = Callable[[int], None]
Layers = Iterator[tuple[LayerSource, list[Member]]]


@dataclass(frozen=True)
class Blob:
    """A file of an archive: as a JSON text, and as a layer whose plain tar has a digest ("" if not told)."""

    document: Callable[[], bytes]
    members: Callable[[str], list[Member]]


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


def read_archive(path: Path, name: str | None, progress: Progress) -> Layers:
    """Yield the layers of an image in a tar (docker save, podman, OCI), lowest first, with their members.

    Raises ImageError, whose one line says what is wrong; the caller names the file.
    """
    with _opened(path) as file:
        if stat.S_ISFIFO(os.fstat(file).st_mode):  # inspect <(docker save ...)
            yield from read_stream(counted(iter(lambda: os.read(file, PIECE), b""), progress), name)
            return
        outer = FilePart(file, 0, os.fstat(file).st_size)
        if outer.peek(2) == GZIP or outer.peek(4) == ZSTD:
            raise ImageError("it is compressed as a whole; decompress it first")
        contents = Contents()
        for member in scan(outer, lambda: False):
            contents.note(member, _file_blob(file, outer.position, member.size, progress))
        yield from _layers(contents.find, name)


def read_folder(path: Path, name: str | None, progress: Progress) -> Layers:
    """Yield the layers of an image in a folder (OCI layout); raises ImageError."""

    def find(inner: str) -> Blob | None:
        file = path / normalise(inner)
        return _folder_blob(file, progress) if file.is_file() else None

    yield from _layers(find, name)


def read_stream(chunks: Iterator[bytes], name: str | None) -> Layers:
    """Yield the layers of an image in a tar that comes as a stream, in one pass; raises ImageError.

    Layers come before the manifest that orders them, so all are read before the first is yielded.
    """
    outer, contents, kept = Chunks(chunks), Contents(), 0
    for member in scan(outer, lambda: False):
        blob = _streamed_blob(outer, member)
        kept += 0 if blob.document is _not_json else member.size
        if kept > LARGEST_DOCUMENTS:
            raise ImageError(f"it has more than {LARGEST_DOCUMENTS:,} bytes of JSON")
        contents.note(member, blob)
    while outer.skip(PIECE):
        pass  # a connection can be closed cleanly only once all was read
    yield from _layers(contents.find, name)


def _layers(find: Callable[[str], Blob | None], name: str | None) -> Layers:
    def read(path: str) -> bytes:
        return _found(path, find(path)).document()

    for source in read_layers(Documents(read, lambda path: find(path) is not None), name):
        blob = _found(source.path, find(source.path))
        try:
            members = blob.members(source.digest)
        except ImageError as error:
            raise ImageError(f"layer {source.path}: {error}") from None
        yield source, members


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


def _file_blob(file: int, start: int, size: int, progress: Progress) -> Blob:
    def members(digest: str) -> list[Member]:
        def whole() -> bool:
            return _digest(FilePart(file, start, size), size) == digest

        progress(start)
        return _members(FilePart(file, start, size), size, whole, lambda done: progress(start + done))

    return Blob(lambda: _document(FilePart(file, start, size), size), members)


def _folder_blob(path: Path, progress: Progress) -> Blob:
    def document() -> bytes:
        with _opened(path) as file:
            size = os.fstat(file).st_size
            return _document(FilePart(file, 0, size), size)

    def members(digest: str) -> list[Member]:
        with _opened(path) as file:
            return _file_blob(file, 0, os.fstat(file).st_size, progress).members(digest)

    return Blob(document, members)


def _streamed_blob(outer: Chunks, member: Member) -> Blob:
    """Read now what the stream gives only once: JSON as it is, else a layer, or why it is none."""
    if member.kind is not Kind.FILE:
        return Blob(_not_json, _no_members)
    if outer.peek(min(1, member.size)) in {b"{", b"["}:
        data = _document(outer, member.size)
        return Blob(lambda: data, _no_members)
    part = Chunks(pieces(outer, member.size))
    try:
        members = _members(part, member.size, lambda: part.position == member.size, lambda _: None)
    except ImageError as error:
        return Blob(_not_json, _raiser(error))
    return Blob(_not_json, lambda _: members)


def _raiser(error: ImageError) -> Callable[[str], list[Member]]:
    def members(_: str) -> list[Member]:
        raise error

    return members


def _not_json() -> bytes:
    raise ImageError("what should be JSON is none")


def _no_members(_: str) -> list[Member]:
    raise ImageError("it is not a tar")


def _document(stream: Stream, size: int) -> bytes:
    if size > LARGEST_DOCUMENT:
        raise ImageError(f"a manifest of {size:,} bytes is too large")
    return stream.read(size)


def _members(stream: Stream, size: int, whole: Callable[[], bool], progress: Progress) -> list[Member]:
    """Return a layer's members; what the bytes are decides, since media types lie (facts: layers.md section 1)."""
    magic = stream.peek(4)
    if magic == ZSTD:
        raise ImageError("zstd layers are not read yet")
    if magic[:2] != GZIP:
        return list(scan(stream, whole))
    plain = Chunks(gunzip(counted(pieces(stream, size), progress)))
    members = list(scan(plain, lambda: True))
    while plain.skip(PIECE):
        pass  # only the end of gzip data tells whether all of it came
    return members


def _digest(stream: Stream, size: int) -> str:
    digest = hashlib.sha256()
    for piece in pieces(stream, size):
        digest.update(piece)
    return f"sha256:{digest.hexdigest()}"
