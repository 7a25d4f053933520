"""Owns the safe reading of YAML: plain nodes with byte spans, bounded, without tags, objects or copied aliases.

PyYAML's events are taken, never its constructors: no tag can make an object, and an alias is its node once more.
libyaml is not used where mistakes are looked for, since it takes some texts that PyYAML and conda's ruamel.yaml
refuse, such as `|#`; a lock, which a program wrote, is read by it, twenty times as fast.
"""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

from slimconda.source import Span

LARGEST_YAML = 1 << 20  # an environment file has some kB
LARGEST_LOCK = 8 << 20  # a lock of ten environments for five platforms has 3 MB
DEEPEST = 32
BOM = b"\xef\xbb\xbf"
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


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
    """The bytes are not the YAML that is read here; one line says why, and `span` where.

    `ours` says that the limit is one of this reader: conda may well read the file.
    """

    def __init__(self, message: str, span: Span, *, ours: bool = False) -> None:
        """Keep the place beside the message."""
        super().__init__(" ".join(message.split()))
        self.span = span
        self.ours = ours


@dataclass(frozen=True)
class Yaml:
    """A document: its root, None for an empty one, and the spans of all words, outside of which `#` is a comment."""

    root: Node | None
    words: tuple[Span, ...]


def read_yaml(data: bytes) -> Node | None:
    """Return the root of the one document, None for an empty one; raises YamlError as read_document does."""
    return read_document(data).root


def read_document(data: bytes, *, lock: bool = False) -> Yaml:
    """Return the one document.

    Raises YamlError for what is no YAML or of several documents; with `ours` for UTF-16 and what is larger than
    LARGEST_YAML bytes (LARGEST_LOCK for a lock), nested deeper than DEEPEST, or repeats what the alias stands in.
    """
    largest = LARGEST_LOCK if lock else LARGEST_YAML
    if len(data) > largest:
        raise YamlError(f"larger than {largest} bytes, which is not read", Span(0, 0), ours=True)
    if data.startswith(UTF_16):  # conda reads it
        raise YamlError("UTF-16, which is not read", Span(0, 0), ours=True)
    start = len(BOM) if data.startswith(BOM) else 0
    try:
        text = data[start:].decode()
    except UnicodeDecodeError as error:
        raise YamlError("not UTF-8", Span(start + error.start, start + error.end)) from None
    reader = _Reader(_offsets(text, start), text, lock)
    return Yaml(reader.read(), tuple(reader.words))


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
    lock: bool
    anchors: dict[str, Node | None] = field(default_factory=dict)
    words: list[Span] = field(default_factory=list)

    def read(self) -> Node | None:
        """Return the root of the only document."""
        import yaml

        fast = self.lock and yaml.__with_libyaml__
        events = iter(yaml.parse(self.text, Loader=yaml.CSafeLoader if fast else yaml.SafeLoader))
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
        if depth > DEEPEST:
            raise YamlError(f"nested deeper than {DEEPEST} levels, which is not read", self._of(event), ours=True)
        if type(event).__name__ == "AliasEvent":
            return self._alias(event)
        if event.anchor:
            self.anchors[event.anchor] = None
        node = self._scalar(event) if type(event).__name__ == "ScalarEvent" else self._collection(event, events, depth)
        if event.anchor:
            self.anchors[event.anchor] = node
        return node

    def _scalar(self, event: Any) -> Scalar:
        scalar = Scalar(event.value, self._of(event), plain=event.style in {None, ""})
        self.words.append(scalar.span)
        return scalar

    def _collection(self, event: Any, events: Iterator[Any], depth: int) -> Node:
        nodes: list[Node] = []
        own = self._of(event)
        end = own.end
        for inner in events:
            if type(inner).__name__ in {"SequenceEndEvent", "MappingEndEvent"}:
                end = max(end, self._of(inner).end) if event.flow_style else end
                break
            nodes.append(self._node(inner, events, depth + 1))
            end = max(end, nodes[-1].span.end)
        span = Span(own.start, end)
        if type(event).__name__ == "SequenceStartEvent":
            return Items(tuple(nodes), span)
        return Pairs(tuple(zip(nodes[::2], nodes[1::2], strict=True)), span)

    def _alias(self, event: Any) -> Node:
        """Return what an alias repeats: a word at the alias's place, a list or mapping itself, so that none grows."""
        known = self.anchors.get(event.anchor)
        if event.anchor not in self.anchors:
            raise YamlError(f"invalid YAML: undefined alias *{event.anchor}", self._of(event))
        if known is None:
            raise YamlError(f"the alias *{event.anchor} stands in what it repeats", self._of(event), ours=True)
        if not isinstance(known, Scalar):
            return known
        self.words.append(self._of(event))
        return Scalar(known.text, self._of(event), plain=False)

    def _of(self, event: Any) -> Span:
        return self._span(event.start_mark.index, event.end_mark.index)

    def _span(self, start: int, end: int) -> Span:
        last = len(self.offsets) - 1
        return Span(self.offsets[min(start, last)], self.offsets[min(max(start, end), last)])
