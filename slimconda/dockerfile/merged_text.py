"""Owns the edits that make one RUN of several: joints in the file's own style, and nothing else of its bytes."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from slimconda.dockerfile.merged_cleans import is_needless, link_of
from slimconda.dockerfile.merging import AND, NoMergeError, Part, Tied, Wrap
from slimconda.dockerfile.parser import Dockerfile, parse
from slimconda.dockerfile.scanner import Role
from slimconda.dockerfile.scripts import script_of
from slimconda.dockerfile.shell import Statement, commands
from slimconda.errors import InputError
from slimconda.source import Edit, Span, apply_edits

INDENTATION = b"    "
COMMENT = re.compile(rb"^[ \t]*#[^\n]*\n", re.MULTILINE)
# Comments that a tool reads, whose reach would be another one in a longer instruction.
FOR_TOOLS = re.compile(
    rb"#[^\n]*?\b(?:slimconda:|hadolint|check=|tally|checkov:|trivy:|kics|nosemgrep|shellcheck|nosec|noqa|NOSONAR)"
)
# What a comment says where RUNs are apart for Docker's cache.
ON_PURPOSE = re.compile(
    rb"re-?build|separate|caching|cached|docker(?:'s)? cache|(?:own|extra|new|different) layer", re.IGNORECASE
)


@dataclass(frozen=True)
class Style:
    """How a file ties lines: what ends a line before `&&` or after it, and how far the next one is indented."""

    escape: bytes
    leading: bool
    indentation: bytes
    statements: bytes

    def ends_line(self, tie: str) -> bytes:
        """Return what ends the line before a joint."""
        if tie == AND and self.leading:
            return b" " + self.escape
        return (b" && " if tie == AND else b"; ") + self.escape

    def starts_line(self, tie: str) -> bytes:
        """Return what starts the line after a joint."""
        if tie != AND:
            return self.statements
        return self.indentation + (b"&& " if self.leading else b"")


def read_style(before: Part, after: Part, dockerfile: Dockerfile) -> Style:
    """Return the style of what stands next to a joint; of the whole file, where neither RUN ties anything itself."""
    escape = dockerfile.escape.encode()
    line = re.escape(escape) + rb"[ \t]*\r?\n"
    spans = [part.layer.instruction.span for part in (before, after)]
    *texts, whole = (COMMENT.sub(b"", data) for data in (*map(dockerfile.source.read, spans), dockerfile.source.data))
    inside = _first(line + rb"([ \t]+)", [*texts, whole]) or INDENTATION
    statements = _first(rb";[ \t]*" + line + rb"([ \t]*)", texts) or inside
    joint = re.compile(rb"&&[ \t]*" + line + rb"(?P<after>[ \t]*)|" + line + rb"(?P<before>[ \t]*)&&")
    near = [[*joint.finditer(text)] for text in texts]
    far = [one for one in joint.finditer(whole) if one["before"] or one["after"]]
    for found in (near[0][-1:], near[1][:1], far[:1]):
        for one in found:
            leading = one["before"] is not None
            return Style(escape, leading, one["before"] if leading else one["after"], statements)
    return Style(escape, False, inside, statements)


def _first(pattern: bytes, texts: list[bytes]) -> bytes | None:
    return next((match[1] for text in texts if (match := re.search(pattern, text))), None)


def merging_edits(run: Sequence[Tied], dockerfile: Dockerfile) -> tuple[Edit, ...]:
    """Return the edits that make one RUN of several; raises NoMergeError where comments between them are in the way."""
    edits = [*_opening(run[0])]
    for number, (before, after) in enumerate(pairwise(run)):
        style = read_style(before.part, after.part, dockerfile)
        edits += _line_end(run, number, style, dockerfile)
        edits += _without_blank_lines(before.part, after.part, dockerfile)
        edits.append(Edit(_head(after.part), style.starts_line(after.tie) + _opened(after)))
    end = _end(run[-1].part)
    return tuple(sorted([*edits, *_without_cleans(run, dockerfile), Edit(Span(end, end), _closed(run[-1]))]))


def check_comments(first: Part, second: Part, dockerfile: Dockerfile) -> None:
    """Raise NoMergeError where a comment before or between two RUNs tells a tool something."""
    start = first.layer.instruction.start_line - 1
    while start and dockerfile.lines[start - 1].role in {Role.COMMENT, Role.BLANK}:
        start -= 1
    lines = dockerfile.lines[start : second.layer.instruction.end_line]
    if any(FOR_TOOLS.search(dockerfile.source.read(line.span)) for line in lines if line.role is not Role.HEREDOC):
        raise NoMergeError("a comment tells a tool something about one of them")
    between = dockerfile.source.data[_end(first) : second.layer.instruction.span.start]
    if ON_PURPOSE.search(between):
        raise NoMergeError("a comment says that they are apart on purpose")
    if b"#" in dockerfile.source.read(_head(second)):
        raise NoMergeError("beside a comment")


def _head(part: Part) -> Span:
    instruction = part.layer.instruction
    return Span(instruction.span.start, instruction.arguments.offset(0))


def _opening(one: Tied) -> Iterator[Edit]:
    start = _head(one.part).end
    if one.wrap is not Wrap.NONE:
        yield Edit(Span(start, start), _opened(one))


def _opened(one: Tied) -> bytes:
    """Return what opens a part: two brackets in a row would open an arithmetic command."""
    return one.wrap.value + (b" " if one.wrap is Wrap.SUBSHELL and one.part.text.startswith(b"(") else b"")


def _end(part: Part) -> int:
    script = part.layer.run.script
    return script.text.span(0, script.body.end).end


def _line_end(run: Sequence[Tied], number: int, style: Style, dockerfile: Dockerfile) -> Iterator[Edit]:
    """Yield what the end of a part's last line becomes; a comment there gets a line of its own."""
    one, data = run[number], dockerfile.source.data
    end, span = _end(one.part), one.part.layer.instruction.span
    line_end = span.start + len(dockerfile.source.read(span).rstrip(b"\r\n"))
    joint = _closed(one) + style.ends_line(run[number + 1].tie)
    if one.part.comment is not None:
        joint += data[line_end : span.end] + style.indentation
        line_end = one.part.comment
    yield Edit(Span(end, end), joint)
    if end < line_end:
        yield Edit(Span(end, line_end), b"")


def _closed(one: Tied) -> bytes:
    if one.wrap is Wrap.SUBSHELL:
        return b")"
    return b"; }" if one.wrap is Wrap.BRACES else b""


def _without_blank_lines(first: Part, second: Part, dockerfile: Dockerfile) -> Iterator[Edit]:
    between = dockerfile.lines[first.layer.instruction.end_line : second.layer.instruction.start_line - 1]
    for line in between:
        if line.role is Role.BLANK:
            yield Edit(line.span, b"")


def _without_cleans(run: Sequence[Tied], dockerfile: Dockerfile) -> Iterator[Edit]:
    """Yield the edits that take out the cleans that a later part's own makes needless."""
    for number, one in enumerate(run):
        for clean in one.part.layer.cleans:
            span = link_of(one.part, clean)
            needless = any(is_needless(clean, one.part, later.part) for later in run[number + 1 :])
            if span and needless and b"#" not in dockerfile.source.read(span):
                yield Edit(span, b"")


def is_merged(run: Sequence[Tied], dockerfile: Dockerfile) -> bool:
    """Tell whether the edits give one RUN with the commands of all, cleans aside."""
    at = dockerfile.instructions.index(run[0].part.layer.instruction)
    source = replace(dockerfile.source, data=apply_edits(dockerfile.source.data, merging_edits(run, dockerfile)))
    try:
        after = parse(source)
    except InputError:
        return False
    if after.problems or len(after.instructions) != len(dockerfile.instructions) - len(run) + 1:
        return False
    merged = script_of(after.instructions[at], run[0].part.layer.context.shell, source)
    told = [words for one in run for words in _told(one.part.layer.run.script.body)]
    return merged is not None and not merged.script.faulty and _told(merged.script.body) == told


def _told(body: Statement) -> list[list[str]]:
    """Return the words of all commands that clean nothing."""
    words = ([word.raw for word in (*one.assignments, *one.words)] for one in commands(body))
    return [texts for texts in words if "clean" not in texts]
