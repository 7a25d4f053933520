"""Owns what is known of an environment file of any kind: its words, mistakes, comments and statements, with places."""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from slimconda.environments.yaml_nodes import Items, Node, Pairs
from slimconda.source import Span

TEMPLATE = re.compile(rb"\{\{|\{%|<%|\$\{\{")
PRAGMA_START = re.compile(rb"(?:^|(?<=[ \t\n])|(?<=\xef\xbb\xbf))#[ \t]*slimconda:[^\r\n]*")
Beside = Callable[[str], bytes | None]


def is_template(data: bytes) -> bool:
    """Tell whether some other program makes the environment file of it: Jinja, cookiecutter, ERB."""
    return TEMPLATE.search(data) is not None


@dataclass(frozen=True, slots=True)
class Entry:
    """A word of the file as its language reads it, and its span with the quotes.

    `origin` names the file and line that the word really stands in, where `span` is that of the `-r` which names it.
    """

    text: str
    span: Span
    origin: str | None = None


@dataclass(frozen=True, slots=True)
class Mistake:
    """What keeps the tool from reading the file: one line, and the place."""

    message: str
    span: Span


@dataclass(frozen=True)
class PipPart:
    """What is given to pip, line by line: under the word `pip`, whose span this is, and in `-r` files."""

    span: Span
    requirements: tuple[Entry, ...]
    included: tuple[Entry, ...] = ()

    @property
    def packages(self) -> tuple[Entry, ...]:
        """Return all lines that are no options."""
        return tuple(entry for entry in (*self.requirements, *self.included) if not entry.text.startswith("-"))

    def has_option(self, *options: str) -> bool:
        """Tell whether a line gives pip one of these options."""
        return any(entry.text.startswith(options) for entry in (*self.requirements, *self.included))


@dataclass(frozen=True, slots=True)
class Locked:
    """A package that a lock chose: `manager` is `conda` or `pip`."""

    name: str
    version: str
    manager: str
    span: Span


@dataclass(frozen=True)
class Pins:
    """The versions that a lock or an installed environment has, by name; pip's names are normalized."""

    conda: Mapping[str, str]
    pip: Mapping[str, str]


@dataclass(frozen=True)
class EnvironmentFile:
    """An environment file as its tool reads it; with mistakes, the rest is what could be read all the same.

    `unread` says which limit of ours the file is beyond: then nothing is said of it. `groups` are a lock's packages by
    environment and platform. `statements` are the spans that a pragma may cover, `comments` those of pragmas' comments.
    `solves` says that a tool sees to packages that conda and pip are both asked for, as pixi does, `locked` that a lock
    beside it has the versions.
    """

    name: Entry | None = None
    prefix: Entry | None = None
    channels: tuple[Entry, ...] = ()
    dependencies: tuple[Entry, ...] = ()
    pip: PipPart | None = None
    mistakes: tuple[Mistake, ...] = ()
    unread: Mistake | None = None
    groups: Mapping[str, tuple[Locked, ...]] = field(default_factory=dict)
    statements: tuple[Span, ...] = field(default=(), repr=False)
    comments: tuple[Span, ...] = field(default=(), repr=False)
    data: bytes = field(default=b"", repr=False)
    pins: Pins | None = None
    solves: bool = False
    locked: bool = False

    @property
    def runs_pip(self) -> bool:
        """Tell whether `conda env create` runs pip for it."""
        return self.pip is not None and bool(self.pip.requirements)

    def raw(self, entry: Entry) -> bytes:
        """Return an entry's bytes as they stand in the file."""
        return self.data[entry.span.start : entry.span.end]


def statements_in(root: Node | None) -> tuple[Span, ...]:
    """Return the span of each pair and list item of a YAML document, sorted; what an alias repeats is left out."""
    return tuple(sorted(_statements(root)))


def _statements(root: Node | None) -> Iterator[Span]:
    nodes: list[Node] = [root] if root else []
    while nodes:
        node = nodes.pop()
        inner = [(key, value) for key, value in node.pairs] if isinstance(node, Pairs) else []
        items = node.items if isinstance(node, Items) else ()
        for first, last in [*inner, *((item, item) for item in items)]:
            if node.span.contains(first.span):
                own = node.span.contains(last.span)
                yield Span(first.span.start, last.span.end if own else first.span.end)
                nodes += [last] if own else []


def comments_in(data: bytes, words: Iterable[Span]) -> tuple[Span, ...]:
    """Return the comments that hold pragmas: from `#` to the end of the line, outside of all words."""
    found = [Span(match.start(), match.end()) for match in PRAGMA_START.finditer(data)]
    taken = sorted(words) if found else []
    return tuple(span for span in found if not _is_inside(span.start, taken))


def _is_inside(offset: int, words: list[Span]) -> bool:
    at = bisect_right(words, offset, key=lambda word: word.start) - 1
    return at >= 0 and words[at].start < offset < words[at].end


def line_statements(data: bytes) -> tuple[Span, ...]:
    """Return the lines of a text that hold something else than a comment, without their ends."""
    starts = [0, *(match.end() for match in re.finditer(rb"\n", data)), len(data) + 1]
    lines = (Span(start, max(start, end - 1)) for start, end in pairwise(starts))
    return tuple(span for span in lines if data[span.start : span.end].strip() and not _is_comment(data, span))


def _is_comment(data: bytes, line: Span) -> bool:
    return data[line.start : line.end].lstrip().startswith(b"#")
