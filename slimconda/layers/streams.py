"""Owns the reading of bytes forward with bounded memory: parts of files, and chunks from a socket or decompressor."""

import os
from collections.abc import Callable, Iterator
from typing import Protocol

PIECE = 1 << 20  # bytes held at once
AHEAD = 1 << 13  # bytes read at once where headers stand close to each other, as those of hard links and small files
TOLD_EVERY = 1 << 23  # bytes


class Stream(Protocol):
    """Bytes that can be read once, forward."""

    position: int

    def window(self, size: int) -> tuple[bytes | bytearray, int]:
        """Return bytes that are held until the next call, and where in them the next `size` begin; fewer at the end."""

    def peek(self, size: int) -> bytes:
        """Return the next bytes without passing them; fewer only at the end."""

    def read(self, size: int) -> bytes:
        """Return the next bytes; fewer only at the end."""

    def skip(self, size: int) -> int:
        """Pass bytes unread and return how many there were; fewer only at the end."""


class FilePart:
    """A part of an open file; skipping costs nothing."""

    __slots__ = ("_at", "_buffer", "_file", "_held", "_size", "_start", "_tell", "_told", "position")

    def __init__(self, file: int, start: int, size: int, tell: Callable[[int], None] | None = None) -> None:
        """Take `size` bytes from `start` of a descriptor's file; `tell` gets the bytes passed since the last call."""
        self._file, self._start, self._size, self.position = file, start, size, 0
        self._buffer = bytearray(min(AHEAD, size))
        self._held: bytes | bytearray = b""
        self._at = 0
        self._tell, self._told = tell, 0

    def window(self, size: int) -> tuple[bytes | bytearray, int]:
        """Return bytes that are held until the next call, and where in them the next `size` begin; fewer at the end."""
        offset = self.position - self._at
        if offset < 0 or offset + size > len(self._held):
            if self.position - self._told >= TOLD_EVERY:
                self._report()
            self._held, self._at, offset = self._fetched(size), self.position, 0
        return self._held, offset

    def _fetched(self, size: int) -> bytes | bytearray:
        """Read into the same memory each time, since fresh memory costs more than reading."""
        whole, fits = len(self._buffer), size <= len(self._buffer) <= self._size - self.position
        if fits and os.preadv(self._file, (self._buffer,), self._start + self.position) == whole:
            return self._buffer
        return self._read(min(max(size, AHEAD), self._size - self.position))

    def _read(self, wanted: int) -> bytes:
        data = os.pread(self._file, wanted, self._start + self.position)
        while len(data) < wanted:
            more = os.pread(self._file, wanted - len(data), self._start + self.position + len(data))
            if not more:
                break
            data += more
        return data

    def peek(self, size: int) -> bytes:
        """Return the next bytes without passing them; fewer only at the end."""
        held, offset = self.window(size)
        return bytes(held[offset : offset + size])

    def _report(self) -> None:
        if self._tell is not None:
            self._tell(self.position - self._told)
            self._told = self.position

    def finish(self) -> None:
        """Tell that all of it is passed."""
        self.position = self._size
        self._report()

    def read(self, size: int) -> bytes:
        """Return the next bytes; fewer only at the end."""
        data = self.peek(size)
        self.position += len(data)
        return data

    def skip(self, size: int) -> int:
        """Pass bytes unread and return how many there were; fewer only at the end."""
        left = self._size - self.position
        passed = size if size < left else left  # noqa: FURB136  # min() costs a third of reading a header
        self.position += passed
        return passed


class Chunks:
    """Bytes that come in chunks of any size: from a socket, or from a decompressor."""

    __slots__ = ("_chunks", "_held", "_offset", "position")

    def __init__(self, chunks: Iterator[bytes]) -> None:
        """Take the chunks as they are asked for."""
        self._chunks, self._held, self._offset, self.position = chunks, b"", 0, 0

    def window(self, size: int) -> tuple[bytes, int]:
        """Return bytes that are held until the next call, and where in them the next `size` begin; fewer at the end."""
        if len(self._held) - self._offset < size:
            self._fill(size)
        return self._held, self._offset

    def peek(self, size: int) -> bytes:
        """Return the next bytes without passing them; fewer only at the end."""
        held, offset = self.window(size)
        return held[offset : offset + size]

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
        if self._offset + size <= len(self._held):
            self._offset += size
            self.position += size
            return size
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


def counted(chunks: Iterator[bytes], progress: Callable[[int], None]) -> Iterator[bytes]:
    """Yield the chunks, and tell `progress` after each how many bytes have come so far."""
    total = 0
    for chunk in chunks:
        total += len(chunk)
        progress(total)
        yield chunk
