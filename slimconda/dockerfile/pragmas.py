"""Owns the comments that silence rules: `# slimconda: ignore[name] reason` and `# slimconda: file-ignore[name]`."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from slimconda.dockerfile.parser import Dockerfile
from slimconda.dockerfile.scanner import Role
from slimconda.source import Span

PRAGMA = re.compile(rb"[ \t]*#[ \t]*slimconda:[ \t]*(file-ignore|ignore)\b(?:\[([^\]]*)\])?")
NAME = re.compile(rb"[^\s,]+")


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
        match = PRAGMA.match(dockerfile.source.read(line.span)) if line.role is Role.COMMENT else None
        if match is None:
            continue
        scope = _scope(dockerfile, line.span, whole=match[1] == b"file-ignore")
        names = list(NAME.finditer(match[2] or b""))
        for name in names:
            start = line.span.start + match.start(2) + name.start()
            yield Pragma(name[0].decode("utf-8", "replace"), Span(start, start + len(name[0])), scope)
        if not names:
            yield Pragma("", Span(line.span.start + match.start(1), line.span.start + match.end(1)), scope)


def _scope(dockerfile: Dockerfile, line: Span, *, whole: bool) -> Span:
    """Return the instruction that holds the comment, or else the next one."""
    if whole:
        return Span(0, len(dockerfile.source.data))
    spans = [instruction.span for instruction in dockerfile.instructions]
    at = bisect_right(spans, line.start, key=lambda span: span.end)
    return spans[at] if at < len(spans) else Span(line.end, line.end)
