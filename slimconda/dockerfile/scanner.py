"""Owns physical lines: which lines belong to which instruction, and what each line is, by BuildKit's rules.

Source of the rules: frontend/dockerfile/parser of BuildKit, tried on v0.12.5 and v0.32.2.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

from slimconda.dockerfile.lexer import LexError, heredocs_of
from slimconda.dockerfile.text import JoinedText, join, piece
from slimconda.dockerfile.words import left_stripped, parse_json_array, split_flags, split_keyword
from slimconda.source import Source, Span

BOM = b"\xef\xbb\xbf"
LONGEST_LINE = 65_535
DIRECTIVE = re.compile(rb"#[\t\n\f\r ]*([a-zA-Z][a-zA-Z0-9]*)[\t\n\f\r ]*=(.+)", re.DOTALL)
DIRECTIVES = frozenset({b"syntax", b"escape", b"check"})
TAKES_HEREDOC = frozenset({b"RUN", b"COPY", b"ADD"})


class Role(Enum):
    """What a physical line is."""

    DIRECTIVE = "directive"
    COMMENT = "comment"
    BLANK = "blank"
    TEXT = "text"
    HEREDOC = "heredoc"
    TERMINATOR = "terminator"


@dataclass(frozen=True, slots=True)
class Line:
    """A physical line with its line end; the byte order mark belongs to the first."""

    span: Span
    role: Role


@dataclass(frozen=True, slots=True)
class Directive:
    """A parser directive such as `# escape=`; the name is in lower case."""

    name: str
    value: str
    span: Span


@dataclass(frozen=True, slots=True)
class SyntaxProblem:
    """Why Docker would refuse the file, and where."""

    message: str
    span: Span


@dataclass(frozen=True, slots=True)
class HeredocBody:
    """A heredoc's body (without the terminator's line) with its terminator's name."""

    name: str
    strip_tabs: bool
    quoted: bool
    span: Span
    terminator: Span


@dataclass(frozen=True)
class LogicalLine:
    """The lines of one instruction, joined; line numbers count from 0, `last_text` is the last that is joined."""

    first: int
    last_text: int
    last: int
    text: JoinedText
    heredocs: tuple[HeredocBody, ...]


@dataclass
class Scan:
    """What the scanner found; it is only written to while scanning."""

    lines: list[Line] = field(default_factory=list)
    logical: list[LogicalLine] = field(default_factory=list)
    directives: list[Directive] = field(default_factory=list)
    problems: list[SyntaxProblem] = field(default_factory=list)
    escape: bytes = b"\\"


def without_line_end(line: bytes) -> bytes:
    """Return a line without its line feed and carriage returns."""
    return line.rstrip(b"\r\n")


def is_comment(line: bytes) -> bool:
    """Tell whether Docker drops the line as a comment."""
    return left_stripped(line).startswith(b"#")


class _Scanner:
    """Walks the lines once, from the first to the last."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.raw = _split_lines(source.data)
        self.at = 0
        self.offset = 0
        self.scan = Scan()

    def run(self) -> Scan:
        in_directives = True
        while self.at < len(self.raw):
            line = without_line_end(self.raw[self.at])
            stripped = left_stripped(line.removeprefix(BOM) if self.at == 0 else line)
            in_directives = in_directives and self._directive(stripped)
            if in_directives:
                continue
            if not stripped:
                self._take(Role.BLANK)
            elif stripped.startswith(b"#"):
                self._take(Role.COMMENT)
            else:
                self._logical_line(stripped)
        if not self.scan.logical:
            self._problem("the file has no instruction", Span(0, 0))
        return self.scan

    def _take(self, role: Role) -> Span:
        raw = self.raw[self.at]
        span = Span(self.offset, self.offset + len(raw))
        if len(raw) > LONGEST_LINE:
            self._problem(f"the line is longer than {LONGEST_LINE} bytes", span)
        self.scan.lines.append(Line(span, role))
        self.at += 1
        self.offset = span.end
        return span

    def _problem(self, message: str, span: Span) -> None:
        self.scan.problems.append(SyntaxProblem(message, span))

    def _directive(self, line: bytes) -> bool:
        match = DIRECTIVE.fullmatch(line)
        name, setting = (match[1].lower(), match[2].strip(b"\t\n\f\r ")) if match else (b"", b"")
        if name not in DIRECTIVES or not setting:
            return False
        span = self._take(Role.DIRECTIVE)
        span = Span(span.start, span.start + len(without_line_end(self.source.read(span))))
        if any(directive.name == name.decode() for directive in self.scan.directives):
            self._problem(f"the directive {name.decode()} stands twice", span)
        if name == b"escape" and setting not in (b"\\", b"`"):
            self._problem("the escape directive takes only \\ or `", span)
        elif name == b"escape":
            self.scan.escape = setting
        value = setting.decode("utf-8", "surrogateescape")
        self.scan.directives.append(Directive(name.decode(), value, span))
        return True

    def _logical_line(self, first_text: bytes) -> None:
        first, begin = self.at, self.offset
        start = self.offset + self.raw[self.at].index(first_text)
        text, goes_on = self._cut(first_text)
        pieces, last_text = [piece(text, start)], self.at
        self._take(Role.TEXT)
        while goes_on and self.at < len(self.raw):
            raw = self.raw[self.at]
            line = without_line_end(raw)
            if is_comment(raw):
                self._take(Role.COMMENT)
            elif not left_stripped(line):
                self._take(Role.BLANK)
            else:
                text, goes_on = self._cut(line)
                pieces.append(piece(text, self.offset))
                last_text = self.at
                self._take(Role.TEXT)
        joined = join(pieces, start)
        if not joined.data.strip():
            self._problem("the instruction is empty", Span(begin, self.offset))
            return
        heredocs = tuple(self._heredocs(joined, begin))
        self.scan.logical.append(LogicalLine(first, last_text, self.at - 1, joined, heredocs))

    def _cut(self, line: bytes) -> tuple[bytes, bool]:
        """Return the line without a continuing escape, and whether there was one."""
        cut = line.rstrip(b" \t")
        escape = self.scan.escape
        if not cut.endswith(escape) or cut.endswith(escape * 2):
            return line, False
        return cut[:-1], True

    def _heredocs(self, joined: JoinedText, begin: int) -> Iterator[HeredocBody]:
        if b"<<" not in joined.data or not _may_hold_heredocs(joined.data):
            return
        try:
            starts = heredocs_of(joined.data.decode("utf-8", "surrogateescape"))
        except LexError as error:
            self._problem(f"bad heredoc: {error}", Span(begin, self.offset))
            return
        for start in starts:
            body = self._heredoc_body(start.name.encode("utf-8", "surrogateescape"), strip_tabs=start.strip_tabs)
            if body is None:
                message = f"the heredoc {start.name!r} does not end"
                self._problem(message, joined.span(0, len(joined.data)))
                return
            yield HeredocBody(start.name, start.strip_tabs, start.quoted, *body)

    def _heredoc_body(self, name: bytes, *, strip_tabs: bool) -> tuple[Span, Span] | None:
        begin = self.offset
        while self.at < len(self.raw):
            line = without_line_end(self.raw[self.at])
            if (line.lstrip(b"\t") if strip_tabs else line) == name:
                body = Span(begin, self.offset)
                return body, self._take(Role.TERMINATOR)
            self._take(Role.HEREDOC)
        return None


def _split_lines(data: bytes) -> list[bytes]:
    lines = data.split(b"\n")
    last = lines.pop()
    return [line + b"\n" for line in lines] + ([last] if last else [])


def _may_hold_heredocs(text: bytes) -> bool:
    keyword, arguments = split_keyword(text)
    if keyword == b"ONBUILD":
        keyword, arguments = split_keyword(arguments)
    return keyword in TAKES_HEREDOC and parse_json_array(arguments[split_flags(arguments)[1] :]) is None


def scan(source: Source) -> Scan:
    """Return a Dockerfile's lines, joined instructions and directives, and what Docker would refuse."""
    return _Scanner(source).run()
