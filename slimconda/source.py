"""Owns bytes and offsets: a file's content, spans in it, edits of it. Knows nothing about Docker."""

from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate, pairwise


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A half-open range of byte offsets, `start <= end`."""

    start: int
    end: int

    def overlaps(self, other: "Span") -> bool:
        """Tell whether both cannot be edited at once; two insertions at one place overlap, too."""
        if self == other:
            return True
        return self.start < other.end and other.start < self.end

    def contains(self, other: "Span") -> bool:
        """Tell whether the other span lies inside this one."""
        return self.start <= other.start and other.end <= self.end


@dataclass(frozen=True, slots=True, order=True)
class Edit:
    """Replace the bytes of `span` by `text`; an empty span inserts, an empty text deletes."""

    span: Span
    text: bytes


@dataclass(frozen=True, slots=True)
class Position:
    """A place as people count: line from 1, column from 1 in characters."""

    line: int
    column: int


def _nothing(_name: str) -> None:
    """Know no other file."""


@dataclass(frozen=True)
class Source:
    """A file's name, as the user gave it, and its bytes.

    `beside` gives the bytes of another file by its name from the same folder on; None where there is none to be read.
    """

    path: str
    data: bytes = field(repr=False)
    beside: Callable[[str], bytes | None] = field(default=_nothing, repr=False, compare=False)

    @cached_property
    def _line_starts(self) -> list[int]:
        return [0, *accumulate(len(line) + 1 for line in self.data.split(b"\n")[:-1])]

    def line_of(self, offset: int) -> int:
        """Return the number, from 1, of the line that holds the byte at `offset`."""
        return bisect_right(self._line_starts, offset)

    def line_start(self, line: int) -> int:
        """Return the offset of the first byte of a line (numbered from 1)."""
        return self._line_starts[line - 1]

    def line_span(self, line: int) -> Span:
        """Return the span of a line (numbered from 1) with its line end."""
        starts = self._line_starts
        return Span(starts[line - 1], starts[line] if line < len(starts) else len(self.data))

    def position(self, offset: int) -> Position:
        """Return line and column of a byte offset; undecodable bytes count as one character each."""
        line = self.line_of(offset)
        before = self.data[self.line_start(line) : offset]
        if line == 1:
            before = before.removeprefix(b"\xef\xbb\xbf")
        return Position(line, len(before.decode("utf-8", "surrogateescape")) + 1)

    def read(self, span: Span) -> bytes:
        """Return the bytes of a span."""
        return self.data[span.start : span.end]

    def text(self, span: Span) -> str:
        """Return the text of a span; undecodable bytes become surrogates that encode back to themselves."""
        return self.read(span).decode("utf-8", "surrogateescape")


def apply_edits(data: bytes, edits: Iterable[Edit]) -> bytes:
    """Return the data with all edits made; raises ValueError where two of them overlap."""
    ordered = sorted(edits)
    for first, second in pairwise(ordered):
        if first.span.overlaps(second.span):
            raise ValueError(f"edits overlap at byte {second.span.start}")
    pieces, offset = [], 0
    for edit in ordered:
        pieces += [data[offset : edit.span.start], edit.text]
        offset = edit.span.end
    return b"".join([*pieces, data[offset:]])
