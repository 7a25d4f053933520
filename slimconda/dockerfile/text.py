"""Owns joined text: what Docker or a shell reads as one text, with each byte's place in the file."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from slimconda.source import Span


@dataclass(frozen=True, slots=True)
class Run:
    """Bytes of a text that stand together in the file.

    `width` bytes at `offset` of the file became `length` bytes at `start` of the text. Both are equal
    except for an escape sequence, which maps as a whole.
    """

    start: int
    length: int
    offset: int
    width: int

    def place(self, index: int) -> Span:
        """Return the file's bytes that the text's byte at `index` came from."""
        if self.length != self.width:
            return Span(self.offset, self.offset + self.width)
        offset = self.offset + index - self.start
        return Span(offset, offset + 1)


@dataclass(frozen=True)
class JoinedText:
    """A text whose bytes come from several places of one file; `anchor` is where an empty text stands."""

    data: bytes
    runs: tuple[Run, ...]
    anchor: int

    @cached_property
    def _starts(self) -> list[int]:
        return [run.start for run in self.runs]

    def place(self, index: int) -> Span:
        """Return the file's bytes behind the text's byte at `index`."""
        return self.runs[bisect_right(self._starts, index) - 1].place(index)

    def offset(self, index: int) -> int:
        """Return the file offset of the text's byte at `index`; the text's end is right after its last byte."""
        if index < len(self.data):
            return self.place(index).start
        return self.place(index - 1).end if self.data else self.anchor

    def span(self, start: int, end: int) -> Span:
        """Return the file's bytes behind `data[start:end]`; an exclusive end stays on the last byte's line."""
        if start == end:
            return Span(self.offset(start), self.offset(start))
        return Span(self.place(start).start, self.place(end - 1).end)

    def slice(self, start: int, end: int) -> "JoinedText":
        """Return the part `data[start:end]` as a text of its own."""
        if (start, end) == (0, len(self.data)):
            return self
        return join(self.pieces(start, end), self.offset(start))

    def pieces(self, start: int, end: int) -> "Iterator[Piece]":
        """Yield the part `data[start:end]` as pieces, to be joined with others."""
        for run in self._cut(start, end):
            yield Piece(self.data[run.start : run.start + run.length], run.offset, run.width)

    def _cut(self, start: int, end: int) -> Iterator[Run]:
        first = max(0, bisect_right(self._starts, start) - 1)
        for run in self.runs[first : bisect_left(self._starts, end)]:
            low, high = max(run.start, start), min(run.start + run.length, end)
            if low >= high:
                continue
            if run.length != run.width:
                yield run
            else:
                yield Run(low, high - low, run.offset + low - run.start, high - low)

    def strip(self) -> "JoinedText":
        """Return the text without ASCII blanks and line ends around it."""
        start = len(self.data) - len(self.data.lstrip())
        return self.slice(start, max(start, len(self.data.rstrip())))


@dataclass(frozen=True, slots=True)
class Piece:
    """Some bytes of a text to be joined and the file's bytes (`width` of them at `offset`) they stand for."""

    data: bytes
    offset: int
    width: int


def piece(data: bytes, offset: int) -> Piece:
    """Return a piece that stands in the file as it is."""
    return Piece(data, offset, len(data))


def join(pieces: Iterable[Piece], anchor: int) -> JoinedText:
    """Return the pieces as one text."""
    data, runs, length = [], [], 0
    for part in pieces:
        if not part.data:
            continue
        runs.append(Run(length, len(part.data), part.offset, part.width))
        data.append(part.data)
        length += len(part.data)
    return JoinedText(b"".join(data), tuple(runs), anchor)
