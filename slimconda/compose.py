"""Owns compose files: the Dockerfiles that their services name, and those that they hold as `dockerfile_inline`."""

import os
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slimconda.source import Edit, Span

if TYPE_CHECKING:
    from yaml import Node

NAME = re.compile(r"(?:docker-)?compose(?:[.-][^/]*)?\.ya?ml", re.IGNORECASE)


@dataclass(frozen=True)
class Inline:
    """A Dockerfile within a compose file: its service, its text, the span of its value, and the stage that ships.

    `lines` are the spans of its lines in the file without indent and line end, where they stand there as they are;
    `indent` and `newline` are what stands before and behind them. `doubled` tells that the file writes each dollar
    sign twice, since a single one is for compose itself; `first` is where its first line starts with the indent.
    """

    service: str
    text: bytes
    span: Span
    target: str | None = None
    lines: tuple[Span, ...] = field(default=(), repr=False)
    indent: bytes = b""
    newline: bytes = b"\n"
    first: int = 0
    doubled: bool = False

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *accumulate(len(line) + 1 for line in self.text.split(b"\n")[:-1])]

    def place(self, span: Span) -> Span:
        """Return where a span of the text stands in the file: the whole value where its lines are written otherwise."""
        if not self.lines:
            return self.span
        start = min(self._offset(span.start), self.lines[-1].end)
        # An end behind a line is the end of that line, not the start of the next one's text.
        end = self._offset(span.end - 1) + 1 if span.end > span.start else start
        return Span(start, min(end, self.lines[-1].end))

    def edit(self, edit: Edit) -> Edit | None:
        """Return an edit of the text as one of the file; None where its lines are written otherwise."""
        if not self.lines:
            return None
        text = edit.text.replace(b"$", b"$$") if self.doubled else edit.text
        text = text.replace(b"\n", self.newline + self.indent)
        start, end = self._offset(edit.span.start), self._offset(edit.span.end)
        begins, ends = (offset in self._starts for offset in (edit.span.start, edit.span.end))
        if ends and edit.text.endswith(b"\n"):
            text, end = text.removesuffix(self.indent), self._line_start(edit.span.end)
        if begins and (text or not ends):
            text, start = self.indent + text, self._line_start(edit.span.start)
        elif begins:
            start, end = self._line_start(edit.span.start), self._line_start(edit.span.end)
        return Edit(Span(start, end), text)

    def _line_start(self, offset: int) -> int:
        """Return where the line of the file starts, indent and all, that holds an offset of the text."""
        number = bisect_right(self._starts, offset) - 1
        return self.first if number == 0 else self.lines[number - 1].end + len(self.newline)

    def _offset(self, offset: int) -> int:
        number = bisect_right(self._starts, offset) - 1
        if number < len(self.lines):
            before = self.text[self._starts[number] : offset]
            return self.lines[number].start + len(before) + (before.count(b"$") if self.doubled else 0)
        return self._line_start(offset)


def is_compose_name(name: str) -> bool:
    """Tell whether a file of that name is taken for a compose file."""
    return NAME.fullmatch(name) is not None


def named_in_compose(data: bytes) -> Iterator[str]:
    """Yield the Dockerfiles that the services name, from the compose file's folder on."""
    for _, build in _builds(data):
        context = _text(build.get("context"), ".")
        if "dockerfile" in build and "dockerfile_inline" not in build and "$" not in context:
            name = _text(build["dockerfile"], "")
            if name and "$" not in name:
                yield os.path.normpath(Path(context, name))


def inline_dockerfiles(data: bytes) -> list[Inline]:
    """Return what the services hold as `dockerfile_inline`, each text once."""
    text = data.decode("utf-8", "surrogateescape")
    found: dict[int, Inline] = {}
    for service, build in _builds(data):
        node = build.get("dockerfile_inline")
        if node is not None and isinstance(node.value, str) and node.value.strip():
            target = _text(build.get("target"), "") or None
            found.setdefault(node.start_mark.index, _inline(data, text, service, node, target))
    return list(found.values())


def _inline(data: bytes, text: str, service: str, node: "Node", target: str | None) -> Inline:
    start, end = (
        len(text[: mark.index].encode("utf-8", "surrogateescape")) for mark in (node.start_mark, node.end_mark)
    )
    span = Span(start, start + len(data[start:end].rstrip()))
    written, single = node.value.encode(), b"$" in node.value.encode().replace(b"$$", b"")
    plain = Inline(service, written.replace(b"$$", b"$"), span, target)
    first = data.find(b"\n", start) + 1
    lines = _literal(data, first, written) if getattr(node, "style", None) == "|" and first else ()
    doubled = b"$$" in written
    if not lines or (doubled and single) or len(_newlines(data, lines)) > 1:
        return plain
    own = next(line for line in lines if line.start < line.end)
    indent = data[data.rfind(b"\n", 0, own.start) + 1 : own.start]
    newline = b"\r\n" if b"\r" in _newlines(data, lines) else b"\n"
    return Inline(service, plain.text, span, target, lines, indent, newline, first, doubled)


def _newlines(data: bytes, lines: tuple[Span, ...]) -> set[bytes]:
    """Return the first bytes of the lines' ends: CR, LF, or both; the last line of a file may have none."""
    return {data[line.end : line.end + 1] for line in lines} - {b""}


def _literal(data: bytes, offset: int, text: bytes) -> tuple[Span, ...]:
    """Return where each line of a literal block stands, from an offset on; nothing where they are not found there."""
    found: list[Span] = []
    for line in text.removesuffix(b"\n").split(b"\n"):
        end = data.find(b"\n", offset)
        raw = data[offset : end if end >= 0 else len(data)].removesuffix(b"\r")
        if not raw.endswith(line) or raw[: len(raw) - len(line)].strip(b" "):
            return ()
        found.append(Span(offset + len(raw) - len(line), offset + len(raw)))
        offset = end + 1 if end >= 0 else len(data)
    return tuple(found)


def _builds(data: bytes) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each service with the nodes of its `build` by key."""
    import yaml

    try:
        services = _table(_table(yaml.compose(data.decode(), yaml.SafeLoader)).get("services"))
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError):
        return
    for service, node in services.items():
        yield service, _table(_table(node).get("build"))


def _table(node: "Node | None") -> "dict[str, Node]":
    """Return a mapping's values by key, those that `<<` merges into it included."""
    own = _pairs(node)
    merged = own.get("<<")
    parts = merged.value if getattr(merged, "id", None) == "sequence" and merged else [merged]
    return {key: value for part in reversed(parts) for key, value in _pairs(part).items()} | own


def _pairs(node: "Node | None") -> "dict[str, Node]":
    pairs = node.value if node is not None and getattr(node, "id", None) == "mapping" else []
    return {key.value: value for key, value in pairs if isinstance(key.value, str)}


def _text(node: "Node | None", default: str) -> str:
    return node.value if node is not None and isinstance(node.value, str) else default
