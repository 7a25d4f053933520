"""Owns the safe reading of YAML: plain nodes with byte spans, bounded, without tags, objects or expanded aliases.

PyYAML's events are taken, never its constructors: no tag can make an object, and an alias costs no more than its name.
libyaml is not used, for it takes some texts that PyYAML and conda's ruamel.yaml refuse, such as `|#`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

from slimconda.source import Span

LARGEST_YAML = 1 << 20  # an environment file has some kB
DEEPEST = 32
BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Scalar:
    """A word: its text as YAML reads it, and its span with the quotes; `plain` where it has none."""

    text: str
    span: Span
    plain: bool


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    items: tuple["Node", ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Pairs:
    """A mapping, in the order of the file; a key may stand twice."""

    pairs: tuple[tuple["Node", "Node"], ...]
    span: Span


Node = Scalar | Items | Pairs


class YamlError(Exception):
    """The bytes are not the YAML that is read here; one line says why, and `span` where."""

    def __init__(self, message: str, span: Span) -> None:
        """Keep the place beside the message."""
        super().__init__(" ".join(message.split()))
        self.span = span


def read_yaml(data: bytes) -> Node | None:
    """Return the one document's root, None for an empty file.

    Raises YamlError for what is no YAML, is larger than LARGEST_YAML bytes, nested deeper than DEEPEST, of several
    documents, or repeats a list or mapping by an alias.
    """
    if len(data) > LARGEST_YAML:
        raise YamlError(f"larger than {LARGEST_YAML} bytes, which is not read", Span(0, 0))
    start = len(BOM) if data.startswith(BOM) else 0
    try:
        text = data[start:].decode()
    except UnicodeDecodeError as error:
        raise YamlError("not UTF-8", Span(start + error.start, start + error.end)) from None
    return _Reader(_offsets(text, start), text).read()


def _offsets(text: str, start: int) -> "range | list[int]":
    """Return the byte offset of each character, and that of the end."""
    if text.isascii():
        return range(start, start + len(text) + 1)
    return list(accumulate((len(character.encode()) for character in text), initial=start))


@dataclass
class _Reader:
    """Builds nodes from events; its depth is bounded, so it may recurse."""

    offsets: "range | list[int]"
    text: str
    anchors: dict[str, Scalar] = field(default_factory=dict)

    def read(self) -> Node | None:
        """Return the root of the only document."""
        import yaml

        events = iter(yaml.parse(self.text, Loader=yaml.SafeLoader))
        try:
            return self._document(events)
        except yaml.reader.ReaderError as error:
            raise YamlError(f"invalid YAML: {error.reason}", self._span(error.position, error.position + 1)) from None
        except yaml.MarkedYAMLError as error:
            # Where a key lacks its colon, the problem is found at the end of the line or later.
            key = error.context == "while scanning a simple key"
            mark = error.context_mark if key else error.problem_mark or error.context_mark
            place = mark.index if mark else 0
            reason = ", ".join(part for part in (error.context, error.problem) if part)
            raise YamlError(f"invalid YAML: {reason}", self._span(place, place + 1)) from None

    def _document(self, events: Iterator[Any]) -> Node | None:
        root: Node | None = None
        documents = 0
        for event in events:
            name = type(event).__name__
            if name == "DocumentStartEvent":
                documents += 1
                if documents > 1:
                    raise YamlError("a second document", self._of(event))
            elif not name.startswith(("Stream", "Document")):
                root = self._node(event, events, 0)
        return root

    def _node(self, event: Any, events: Iterator[Any], depth: int) -> Node:
        name = type(event).__name__
        if depth > DEEPEST:
            raise YamlError(f"nested deeper than {DEEPEST} levels", self._of(event))
        if name == "AliasEvent":
            return self._alias(event)
        if name == "ScalarEvent":
            scalar = Scalar(event.value, self._of(event), plain=event.style in {None, ""})
            if event.anchor:
                self.anchors[event.anchor] = scalar
            return scalar
        nodes = list(self._nodes(events, depth + 1))
        end = nodes[-1].span.end if nodes else self._of(event).end
        span = Span(self._of(event).start, end)
        if name == "SequenceStartEvent":
            return Items(tuple(nodes), span)
        return Pairs(tuple(zip(nodes[::2], nodes[1::2], strict=True)), span)

    def _nodes(self, events: Iterator[Any], depth: int) -> Iterator[Node]:
        """Yield the nodes of a list or mapping up to its end."""
        for event in events:
            if type(event).__name__ in {"SequenceEndEvent", "MappingEndEvent"}:
                return
            yield self._node(event, events, depth)

    def _alias(self, event: Any) -> Scalar:
        """Return the word that an alias repeats, at the alias's place; lists are not repeated (billion laughs)."""
        known = self.anchors.get(event.anchor)
        if known is None:
            raise YamlError(f"the alias *{event.anchor} repeats no single word, which is not read", self._of(event))
        return Scalar(known.text, self._of(event), plain=False)

    def _of(self, event: Any) -> Span:
        return self._span(event.start_mark.index, event.end_mark.index)

    def _span(self, start: int, end: int) -> Span:
        last = len(self.offsets) - 1
        return Span(self.offsets[min(start, last)], self.offsets[min(max(start, end), last)])
