"""Owns pip's requirements files: their lines with places, and the files that `-r` names, read without end or cycle.

Source: pip's documentation of the requirements file format; a backslash at its end goes on in the next line.
"""

import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from slimconda.environments.file import (
    Beside,
    Entry,
    EnvironmentFile,
    Mistake,
    PipPart,
    comments_in,
    line_statements,
)
from slimconda.environments.yaml_nodes import UTF_16
from slimconda.source import Span

INCLUDE = re.compile(r"(?:-r|--requirement)(?:[ \t=]+|(?<=-r))(\S+)")
LINE = re.compile(rb"(?:[^\r\n\\]|\\(?!\r?\n)|\\\r?\n)*")
COMMENT = re.compile(rb"(?:^|(?<=[ \t]))#.*", re.DOTALL)
HASHES = re.compile(r"[ \t]+--(?:hash|config-settings)\b.*")
REQUIREMENT = re.compile(
    r"(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)[ \t]*(?P<extras>\[[^\]]*\])?"
    r"[ \t]*(?P<version>[^;@/\s]+(?:[ \t]+[^;@/\s]+)*)?[ \t]*(?P<marker>;.*)?"
)
MOST_FILES = 50
LONGEST = 2000  # characters of a requirement with its hashes
LARGEST_FILE = 1 << 20


def read_requirements(data: bytes, beside: Beside | None = None) -> EnvironmentFile:
    """Return what a requirements file says; it never raises."""
    start = Span(0, 0)
    if data.startswith(UTF_16):
        return EnvironmentFile(unread=Mistake("UTF-16, which is not read", start))
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return EnvironmentFile(mistakes=(Mistake("not UTF-8", Span(error.start, error.end)),))
    if len(data) > LARGEST_FILE:
        return EnvironmentFile(unread=Mistake(f"larger than {LARGEST_FILE} bytes, which is not read", start))
    lines = tuple(_lines(data))
    included, unread = included_lines(lines, beside) if beside else ((), None)
    part = PipPart(start, lines, included)
    return EnvironmentFile(
        pip=part, unread=unread, statements=line_statements(data), comments=comments_in(data, ()), data=data
    )


def _lines(data: bytes) -> Iterator[Entry]:
    """Yield each requirement and option, without comments."""
    for match in LINE.finditer(data.removeprefix(b"\xef\xbb\xbf").rjust(len(data))):
        text = COMMENT.sub(b"", match[0])
        words = text.strip()
        if words:
            start = match.start() + len(text) - len(text.lstrip())
            decoded = re.sub(r"[ \t]*\\\r?\n[ \t]*", " ", words.decode("utf-8", "replace"))
            yield Entry(decoded, Span(start, start + len(words)))


def included_lines(entries: Iterable[Entry], beside: Beside) -> tuple[tuple[Entry, ...], Mistake | None]:
    """Return the lines of all files that `-r` lines name, at these lines' places, and what kept us from reading them.

    A file that is not to be had is passed over; one that names itself, or more than MOST_FILES, is said.
    """
    found: list[Entry] = []
    opened = 0
    for entry in entries:
        waiting: list[tuple[str, tuple[str, ...]]] = [(name, ()) for name in _named(entry.text)]
        while waiting:
            name, above = waiting.pop(0)
            if name in above:
                return tuple(found), Mistake(f"{name} names itself by -r", entry.span)
            opened += 1
            if opened > MOST_FILES:
                return tuple(found), Mistake(f"-r leads to more than {MOST_FILES} files", entry.span)
            for line, inner in _read(name, beside, entry.span):
                found.append(line)
                waiting += [(posixpath.join(posixpath.dirname(name), one), (*above, name)) for one in inner]
    return tuple(found), None


def _read(name: str, beside: Beside, place: Span) -> Iterator[tuple[Entry, list[str]]]:
    data = beside(name)
    for line in _lines(data) if data is not None and len(data) <= LARGEST_FILE else ():
        number = data.count(b"\n", 0, line.span.start) + 1 if data else 0
        yield Entry(line.text, place, f"{name}:{number}"), list(_named(line.text))


def _named(text: str) -> Iterator[str]:
    match = INCLUDE.match(text)
    if match and "://" not in match[1] and "$" not in match[1]:
        yield posixpath.normpath(match[1].strip("\"'"))


@dataclass(frozen=True, slots=True)
class Requirement:
    """A package that pip is asked for: its name as PyPI normalizes it; extras, version and marker may be empty.

    The version stands, or would stand, from `at` to `end` of the line.
    """

    name: str
    extras: str
    version: str
    marker: str
    at: int
    end: int

    @property
    def is_bare(self) -> bool:
        """Tell whether it is a name and nothing else."""
        return not (self.extras or self.version or self.marker)


def requirement_of(text: str) -> Requirement | None:
    """Return what a line asks for; None for an option, an address or a path."""
    match = REQUIREMENT.fullmatch(HASHES.sub("", text)) if len(text) <= LONGEST else None
    if match is None or (match["version"] and not re.match(r"[<>=!~(]", match["version"])):
        return None
    version = (match["version"] or "").strip(" \t()")
    at = match.end("extras") if match["extras"] else match.end("name")
    end = match.end("version") if version else at
    return Requirement(normalized(match["name"]), match["extras"] or "", version, match["marker"] or "", at, end)


def normalized(name: str) -> str:
    """Return a name as PyPI compares them (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
