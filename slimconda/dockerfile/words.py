"""Owns the inside of a joined instruction: its keyword, its leading flags and its JSON form, by BuildKit's rules."""

import json
import re
from dataclasses import dataclass

# Go's unicode.IsSpace in UTF-8
SPACE = rb"(?:[\t\n\v\f\r ]|\xc2[\x85\xa0]|\xe1\x9a\x80|\xe2\x80[\x80-\x8a\xa8\xa9\xaf]|\xe2\x81\x9f|\xe3\x80\x80)"
LEADING_SPACE = re.compile(SPACE + rb"*")
TRAILING_SPACE = re.compile(SPACE + rb"+\Z")
KEYWORD_END = re.compile(rb"[\t\v\f\r ]+")
FLAG = re.compile(rb"--(?:\\.|\"(?:\\.|[^\"])*+(?:\"|\Z)|'(?:\\.|[^'])*+(?:'|\Z)|[^\s\"'\\]|\\\Z)*+", re.DOTALL)
FLAG_PART = re.compile(rb"\\(.)|\"((?:\\.|[^\"])*+)\"?|'((?:\\.|[^'])*+)'?|\\\Z", re.DOTALL)
ESCAPED = re.compile(rb"\\(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class RawFlag:
    """A `--name=value` before the arguments: its unquoted text, and where it stands in the arguments."""

    text: bytes
    start: int
    end: int


def left_stripped(line: bytes) -> bytes:
    """Return a line without the blanks that Go's unicode.IsSpace knows at its start."""
    if b"!" <= line[:1] <= b"~":
        return line
    match = LEADING_SPACE.match(line)
    return line[match.end() :] if match else line


def split_keyword(text: bytes) -> tuple[bytes, bytes]:
    """Return an instruction's keyword in upper case, and the rest from its first argument on."""
    stripped = left_stripped(text)
    match = KEYWORD_END.search(stripped)
    if match is None:
        return TRAILING_SPACE.sub(b"", stripped).upper(), b""
    return stripped[: match.start()].upper(), stripped[match.end() :]


def split_flags(arguments: bytes) -> tuple[list[RawFlag], int]:
    """Return the leading flags, and where the arguments after them start."""
    flags: list[RawFlag] = []
    at = len(arguments) - len(left_stripped(arguments))
    while match := FLAG.match(arguments, at):
        rest = match.end() + len(arguments[match.end() :]) - len(left_stripped(arguments[match.end() :]))
        if match[0] == b"--":
            return flags, rest
        flags.append(RawFlag(FLAG_PART.sub(_unquoted, match[0]), at, match.end()))
        at = rest
    return flags, at


def _unquoted(match: "re.Match[bytes]") -> bytes:
    if match[1] is not None:
        return match[1]
    quoted = match[2] if match[2] is not None else match[3]
    return ESCAPED.sub(rb"\1", quoted or b"")


def parse_json_array(arguments: bytes) -> list[object] | None:
    """Return a JSON array; None where the text is none, which Docker then takes as shell form."""
    if not left_stripped(arguments).startswith(b"["):
        return None
    try:
        value = json.loads(arguments.decode("utf-8", "replace").strip(), parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, list) else None


def _refuse(constant: str) -> object:
    raise ValueError(constant)


def split_words(arguments: bytes, escape: bytes) -> list[bytes]:
    """Return the words of ENV's, LABEL's or ARG's arguments, their quotes and escapes kept."""
    mark = re.escape(escape)
    parts = rb"%b.|\"(?:%b.|[^\"])*+(?:\"|\Z)|'[^']*+(?:'|\Z)|(?!%b)[^\s\"'%b]|%b\Z" % (
        mark,
        mark,
        SPACE,
        mark,
        mark,
    )
    words = re.findall(rb"(?:%b)++" % parts, arguments, re.DOTALL)
    return [word for word in words if word != escape]


def holds_pairs(arguments: bytes, escape: bytes) -> bool:
    """Tell whether Docker takes the arguments as ENV's or LABEL's: `name=value ...`, or `name value`."""
    words = split_words(arguments, escape)
    if words and b"=" not in words[0]:
        return KEYWORD_END.search(arguments.strip()) is not None
    return all(b"=" in word for word in words)
