"""Owns the comments that silence rules: `# slimconda: ignore[name] reason` and `# slimconda: file-ignore[name]`."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice, takewhile
from typing import TYPE_CHECKING

from slimconda.dockerfile.parser import Dockerfile
from slimconda.dockerfile.scanner import Role
from slimconda.source import Source, Span

if TYPE_CHECKING:
    from slimconda.environments.file import EnvironmentFile

PRAGMA = re.compile(rb"[ \t]*#[ \t]*slimconda:[ \t]*(file-ignore|ignore)\b(?:\[([^\]]*)\])?")
NAME = re.compile(rb"[^\s,]+")
BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Pragma:
    """One name of a pragma: where it stands, and the bytes in which it silences that rule. No name: an empty rule."""

    rule: str
    place: Span
    scope: Span

    def covers(self, rule: str, place: Span) -> bool:
        """Tell whether it silences a rule's finding at a place."""
        return self.rule == rule and self.scope.contains(place)


def read_pragmas(dockerfile: Dockerfile) -> Iterator[Pragma]:
    """Yield what the pragmas of a Dockerfile name; only comment lines of their own are read."""
    if b"slimconda:" not in dockerfile.source.data:
        return
    for line in dockerfile.lines:
        if line.role is Role.COMMENT:
            yield from _named(dockerfile.source.data, line.span, partial(_scope, dockerfile, line.span))


def read_environment_pragmas(file: "EnvironmentFile", source: Source) -> Iterator[Pragma]:
    """Yield what the pragmas of an environment file name: on a line of their own, or behind what they cover."""
    for comment in file.comments:
        yield from _named(source.data, comment, partial(_statement, file, source, comment))


def _named(data: bytes, comment: Span, scope: Callable[..., Span]) -> Iterator[Pragma]:
    match = PRAGMA.match(data[comment.start : comment.end])
    if match is None:
        return
    covered = scope(whole=match[1] == b"file-ignore")
    names = list(NAME.finditer(match[2] or b""))
    for name in names:
        start = comment.start + match.start(2) + name.start()
        yield Pragma(name[0].decode("utf-8", "replace"), Span(start, start + len(name[0])), covered)
    if not names:
        yield Pragma("", Span(comment.start + match.start(1), comment.start + match.end(1)), covered)


def _scope(dockerfile: Dockerfile, line: Span, *, whole: bool) -> Span:
    """Return the instruction that holds the comment, or else the next one."""
    if whole:
        return Span(0, len(dockerfile.source.data))
    spans = [instruction.span for instruction in dockerfile.instructions]
    at = bisect_right(spans, line.start, key=lambda span: span.end)
    return spans[at] if at < len(spans) else Span(line.end, line.end)


def _statement(file: "EnvironmentFile", source: Source, comment: Span, *, whole: bool) -> Span:
    """Return the largest statement that starts on the comment's line, or on the next one that has any."""
    if whole:
        return Span(0, len(source.data))
    line = source.line_of(comment.start)
    own = not source.data[source.line_start(line) : comment.start].removeprefix(BOM).strip()
    at = bisect_left(file.statements, Span(comment.end if own else source.line_start(line), 0))
    first = source.line_of(file.statements[at].start) if at < len(file.statements) else 0
    on_line = takewhile(lambda span: source.line_of(span.start) == first, islice(file.statements, at, None))
    starting = on_line if own or first == line else []
    return max(starting, key=lambda span: span.end - span.start, default=Span(comment.end, comment.end))
