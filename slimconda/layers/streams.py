"""Owns the reading of bytes forward with bounded memory: parts of files, chunks from a socket, gzip over either."""

import os
import zlib
from collections.abc import Callable, Iterator
from typing import Protocol

from slimconda.errors import ImageError

PIECE = 1 << 20  # bytes held at once


class Stream(Protocol):
    """Bytes that can be read once, forward."""

    position: int

    def peek(self, size: int) -> bytes:
        """Return the next bytes without passing them; fewer only at the end."""

    def read(self, size: int) -> bytes:
        """Return the next bytes; fewer only at the end."""

    def skip(self, size: int) -> int:
        """Pass bytes unread and return how many there were; fewer only at the end."""


class FilePart:
    """A part of an open file; skipping costs nothing."""

    __slots__ = ("_file", "_size", "_start", "position")

    def __init__(self, file: int, start: int, size: int) -> None:
        """Take `size` bytes from `start` of the file of that descriptor."""
        self._file, self._start, self._size, self.position = file, start, size, 0

    def peek(self, size: int) -> bytes:
        """Return the next bytes without passing them; fewer only at the end."""
        wanted = min(size, self._size - self.position)
        data = os.pread(self._file, wanted, self._start + self.position)
        while len(data) < wanted:
            more = os.pread(self._file, wanted - len(data), self._start + self.position + len(data))
            if not more:
                break
            data += more
        return data

    def read(self, size: int) -> bytes:
        """Return the next bytes; fewer only at the end."""
        data = self.peek(size)
        self.position += len(data)
        return data

    def skip(self, size: int) -> int:
        """Pass bytes unread and return how many there were; fewer only at the end."""
        passed = min(size, self._size - self.position)
        self.position += passed
        return passed


class Chunks:
    """Bytes that come in chunks of any size: from a socket, or from a decompressor."""

    __slots__ = ("_chunks", "_held", "_offset", "position")

    def __init__(self, chunks: Iterator[bytes]) -> None:
        """Take the chunks as they are asked for."""
        self._chunks, self._held, self._offset, self.position = chunks, b"", 0, 0

    def peek(self, size: int) -> bytes:
        """Return the next bytes without passing them; fewer only at the end."""
        if len(self._held) - self._offset < size:
            self._fill(size)
        return self._held[self._offset : self._offset + size]

    def _fill(self, size: int) -> None:
        pieces = [self._held[self._offset :]]
        length = len(pieces[0])
        while length < size and (chunk := next(self._chunks, None)) is not None:
            pieces.append(chunk)
            length += len(chunk)
        self._held, self._offset = b"".join(pieces), 0

    def read(self, size: int) -> bytes:
        """Return the next bytes; fewer only at the end."""
        data = self.peek(size)
        self._offset += len(data)
        self.position += len(data)
        return data

    def skip(self, size: int) -> int:
        """Pass bytes unread and return how many there were; fewer only at the end."""
        left = size
        while (held := len(self._held) - self._offset) < left:
            left -= held
            chunk = next(self._chunks, None)
            self._held, self._offset = chunk or b"", 0
            if chunk is None:
                self.position += size - left
                return size - left
        self._offset += left
        self.position += size
        return size


def pieces(stream: Stream, size: int) -> Iterator[bytes]:
    """Yield the next `size` bytes in pieces of bounded length; fewer only at the end."""
    while size > 0 and (piece := stream.read(min(size, PIECE))):
        size -= len(piece)
        yield piece


def gunzip(data: Iterator[bytes]) -> Iterator[bytes]:
    """Yield what gzip members one after another hold (eStargz has many); raises ImageError where one is cut or bad."""
    decoder, held, begun = zlib.decompressobj(wbits=31), b"", False
    for chunk in data:
        held += chunk
        while held:
            if decoder.eof:
                decoder, begun = zlib.decompressobj(wbits=31), False
                held = held.lstrip(b"\0")  # gzip allows padding between and after its members
                continue
            yield _decoded(decoder, held)
            begun, held = True, decoder.unused_data if decoder.eof else decoder.unconsumed_tail
    if begun and not decoder.eof:
        raise ImageError("its gzip data is cut short")


def _decoded(decoder: "zlib._Decompress", data: bytes) -> bytes:
    try:
        return decoder.decompress(data, PIECE)
    except zlib.error as error:
        raise ImageError(f"its gzip data is damaged ({error})") from None


def counted(chunks: Iterator[bytes], progress: Callable[[int], None]) -> Iterator[bytes]:
    """Yield the chunks, and tell `progress` after each how many bytes have come so far."""
    total = 0
    for chunk in chunks:
        total += len(chunk)
        progress(total)
        yield chunk
