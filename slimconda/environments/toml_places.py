"""Owns where things stand in TOML: the span of each value by its keys, of tables and comments.

tomllib, which tells no places, has read the text before: what is scanned here is valid TOML.
"""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from slimconda.source import Span

LARGEST_TOML = 1 << 20
BLANKS = re.compile(rb"[ \t\r\n]+")
STRING = re.compile(
    rb"'''.*?'''(?!')'{0,2}|\"\"\"(?:[^\\]|\\.)*?\"\"\"(?!\")\"{0,2}|'[^'\n]*'|\"(?:[^\"\\\n]|\\.)*\"", re.DOTALL
)
COMMENT = re.compile(rb"#[^\n]*")
KEY = re.compile(rb"[A-Za-z0-9_-]+|'[^'\n]*'|\"(?:[^\"\\\n]|\\.)*\"")
DOT = re.compile(rb"[ \t]*\.[ \t]*")
BARE = re.compile(rb"[^\s,\]}#\[{'\"]+(?:[ ][0-9][0-9:.+Z-]*)?")
LAST_COMMA = re.compile(r",(?:\s|#[^\n]*)*\}")
TOKEN = re.compile(
    r"'''.*?'''|\"\"\"(?:[^\\]|\\.)*?\"\"\"|'[^'\n]*'|\"(?:[^\"\\\n]|\\.)*\"|#[^\n]*|\s+|[\[\]{},]|[^\s\[\]{},'\"#]+|.",
    re.DOTALL,
)
PLACE = re.compile(r"\(at (?:line (\d+), column (\d+)|end of document)\)\Z")

Path = tuple[str, ...]


class TomlError(Exception):
    """The bytes are no TOML, or more than is read (`ours`); one line says why, and `span` where."""

    def __init__(self, message: str, span: Span, *, ours: bool = False) -> None:
        """Keep the place beside the message."""
        super().__init__(" ".join(message.split()))
        self.span = span
        self.ours = ours


@dataclass(frozen=True)
class Toml:
    """A document: its content, and the spans of values by their keys, of statements, and of words (strings)."""

    content: dict[str, Any]
    values: dict[Path, Span]
    statements: tuple[Span, ...]
    words: tuple[Span, ...]


def read_toml(data: bytes) -> Toml:
    """Return the document; raises TomlError."""
    if len(data) > LARGEST_TOML:
        raise TomlError(f"larger than {LARGEST_TOML} bytes, which is not read", Span(0, 0), ours=True)
    try:
        content = _content(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise TomlError("not UTF-8", Span(error.start, error.end)) from None
    except RecursionError:
        raise TomlError("nested too deep, which is not read", Span(0, 0), ours=True) from None
    except tomllib.TOMLDecodeError as error:
        raise _placed(str(error), data) from None
    scanner = _Scanner(data)
    scanner.scan()
    return Toml(content, scanner.values, tuple(sorted(scanner.statements)), tuple(scanner.words))


def _content(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return tomllib.loads(_old(text))


def _old(text: str) -> str:
    """Return a text of TOML 1.1, which pixi reads, as 1.0 with all places kept: inline tables stand in one line.

    Newlines in them become blanks, and so do the comma at the end and comments.
    """
    pieces: list[str] = []
    open_brackets: list[str] = []
    for match in TOKEN.finditer(text):
        token = match[0]
        inline = open_brackets[-1:] == ["{"]
        if token in {"{", "["}:
            open_brackets.append(token)
        elif token in {"}", "]"} and open_brackets:
            open_brackets.pop()
        elif inline and (token.startswith("#") or not token.strip() or LAST_COMMA.match(text, match.start())):
            token = " " * len(token)
        pieces.append(token)
    return "".join(pieces)


def _placed(message: str, data: bytes) -> TomlError:
    match = PLACE.search(message)
    lines = data.decode("utf-8-sig").replace("\r\n", "\n").split("\n")
    offset = len(data)
    if match and match[1]:
        line, column = int(match[1]), int(match[2])
        before = data.split(b"\n")[: line - 1]
        offset = sum(len(one) + 1 for one in before) + len(lines[line - 1][: column - 1].encode())
        offset += 3 if line == 1 and data.startswith(b"\xef\xbb\xbf") else 0
    place = min(offset, max(0, len(data) - 1))
    reason = PLACE.sub("", message).strip()
    return TomlError(f"invalid TOML: {reason[:1].lower()}{reason[1:]}", Span(place, min(place + 1, len(data))))


@dataclass
class _Scanner:
    """Goes through valid TOML once, from statement to statement."""

    data: bytes
    at: int = 0

    def __post_init__(self) -> None:
        self.values: dict[Path, Span] = {}
        self.statements: list[Span] = []
        self.words: list[Span] = []
        self.at = 3 if self.data.startswith(b"\xef\xbb\xbf") else 0

    def scan(self) -> None:
        """Note all values and statements; a table lasts to its last value."""
        table: Path = ()
        start: int | None = None
        end = 0
        while self._skip():
            if self.data[self.at : self.at + 1] == b"[":
                self.statements += [Span(start, end)] if start is not None else []
                start, table = self.at, self._header()
                end = self.at
                continue
            end = self._pair(table)
        self.statements += [Span(start, end)] if start is not None else []

    def _skip(self) -> bool:
        """Go over blanks and comments; tell whether anything follows."""
        while match := BLANKS.match(self.data, self.at) or COMMENT.match(self.data, self.at):
            self.at = match.end()
        return self.at < len(self.data)

    def _header(self) -> Path:
        double = self.data.startswith(b"[[", self.at)
        self.at += 2 if double else 1
        path = self._keys()
        self.at = self.data.index(b"]", self.at) + (2 if double else 1)
        return path

    def _pair(self, table: Path) -> int:
        start = self.at
        path = (*table, *self._keys())
        self.at = self.data.index(b"=", self.at) + 1
        self._skip()
        span = self._value(path)
        self.values[path] = span
        self.statements.append(Span(start, span.end))
        return span.end

    def _keys(self) -> Path:
        keys: list[str] = []
        self._skip()
        while match := KEY.match(self.data, self.at):
            keys.append(_unquoted(match[0]))
            self.at = match.end()
            dot = DOT.match(self.data, self.at)
            if dot is None:
                break
            self.at = dot.end()
        return tuple(keys)

    def _value(self, path: Path) -> Span:
        start = self.at
        if match := STRING.match(self.data, start):
            self.words.append(Span(start, match.end()))
            self.at = match.end()
        elif self.data[start : start + 1] == b"[":
            self._inside(path, b"]")
        elif self.data[start : start + 1] == b"{":
            self._inside(path, b"}")
        else:
            bare = BARE.match(self.data, start)
            self.at = bare.end() if bare else start + 1
        return Span(start, self.at)

    def _inside(self, path: Path, closing: bytes) -> None:
        """Go over an array, whose values are numbered, or an inline table."""
        self.at += 1
        number = 0
        while self._skip() and self.data[self.at : self.at + 1] != closing:
            if self.data[self.at : self.at + 1] == b",":
                self.at += 1
            elif closing == b"]":
                self.values[*path, str(number)] = self._value((*path, str(number)))
                number += 1
            else:
                self._pair(path)
        self.at += 1


def _unquoted(key: bytes) -> str:
    if key[:1] not in {b"'", b'"'}:
        return key.decode()
    (name,) = tomllib.loads(f"{key.decode()} = 1")
    return name


def strings(table: Any) -> Iterator[tuple[str, Any]]:
    """Yield the pairs of what may be a table."""
    yield from table.items() if isinstance(table, dict) else ()
