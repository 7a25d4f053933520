"""Owns heredocs of shell texts: where their names and bodies stand, and the text without them.

tree-sitter-bash reads one heredoc a line and little after its name; without them it reads the rest as shells do.
"""

import re
from dataclasses import dataclass

TOKEN = re.compile(
    rb"""
    \\. | \$?'(?:[^'])*' | "(?:\\.|[^"\\])*" | \(\((?:[^()\n]|\([^()\n]*\))*\)\) | <<<
    | (?P<comment>(?<![^\s;&|()])\#[^\n]*)
    | (?P<heredoc>(?:(?<![^\s;&|()])\d+)?<<(?P<dash>-?)[ \t]*(?P<name>(?:\\.|'[^']*'|"[^"]*"|[^\s;&|<>()'"\\])+))
    | (?P<line>\n)
    """,
    re.VERBOSE | re.DOTALL,
)
NOT_BLANK = re.compile(rb"[^\n]")


@dataclass(frozen=True)
class Heredoc:
    """A heredoc's operator and name at `start` to `end` of the text, and its body, the terminator aside."""

    start: int
    end: int
    body: tuple[int, int]


def without_heredocs(data: bytes) -> tuple[bytes, list[Heredoc]] | None:
    """Return a text of the same length with its heredocs blanked, and those; None where one has no end."""
    if b"<<" not in data:
        return data, []
    found: list[Heredoc] = []
    pending: list[re.Match[bytes]] = []
    blanked = bytearray(data)
    at = 0
    while match := TOKEN.search(data, at):
        at = match.end()
        if match["heredoc"]:
            pending.append(match)
        elif match["line"]:
            for opened in pending:
                body = _body(data, at, opened)
                if body is None:
                    return None
                found.append(Heredoc(opened.start(), opened.end(), (at, body[0])))
                _blank(blanked, opened.start(), opened.end())
                _blank(blanked, at, body[1])
                at = body[1]
            pending = []
    return None if pending else (bytes(blanked), found)


def _body(data: bytes, start: int, opened: re.Match[bytes]) -> tuple[int, int] | None:
    """Return where a body ends, and where its terminator's line does."""
    name = re.sub(rb"\\(.)|['\"]", rb"\1", opened["name"])
    tabs = rb"\t*" if opened["dash"] else rb""
    end = re.compile(rb"^" + tabs + re.escape(name) + rb"$", re.MULTILINE).search(data, start)
    return (end.start(), min(end.end() + 1, len(data))) if end else None


def _blank(data: bytearray, start: int, end: int) -> None:
    data[start:end] = NOT_BLANK.sub(b" ", bytes(data[start:end]))
