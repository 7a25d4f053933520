"""Owns what an environment.yml says: channels, dependencies and the pip part, each with its place, and mistakes.

Source: conda's documentation of environment files; `pip` is the only mapping that it reads among the dependencies.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from slimconda.environments.yaml_nodes import Items, Node, Pairs, Scalar, YamlError, read_yaml
from slimconda.source import Span

TEMPLATE = re.compile(rb"\{\{|\{%|<%|\$\{\{")


def is_template(data: bytes) -> bool:
    """Tell whether some other program makes the environment file of it: Jinja, cookiecutter, ERB."""
    return TEMPLATE.search(data) is not None


@dataclass(frozen=True, slots=True)
class Entry:
    """A word of the file as YAML reads it, and its span with the quotes."""

    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class Mistake:
    """What keeps conda from reading the file: one line, and the place."""

    message: str
    span: Span


@dataclass(frozen=True)
class PipPart:
    """The `- pip:` part: the span of the word `pip`, and what is given to pip, line by line."""

    span: Span
    requirements: tuple[Entry, ...]


@dataclass(frozen=True)
class EnvironmentFile:
    """An environment file as conda reads it; with mistakes, the rest is what could be read all the same."""

    name: Entry | None = None
    prefix: Entry | None = None
    channels: tuple[Entry, ...] = ()
    dependencies: tuple[Entry, ...] = ()
    pip: PipPart | None = None
    mistakes: tuple[Mistake, ...] = ()

    @property
    def runs_pip(self) -> bool:
        """Tell whether `conda env create` runs pip for it."""
        return self.pip is not None and bool(self.pip.requirements)


def read_environment(data: bytes) -> EnvironmentFile:
    """Return what an environment file of these bytes says; it never raises, `mistakes` tell what is wrong.

    Nothing is executed, no file named in it is opened, and the work is bounded by yaml_nodes.LARGEST_YAML.
    """
    try:
        root = read_yaml(data)
    except YamlError as error:
        return EnvironmentFile(mistakes=(Mistake(str(error), error.span),))
    mistakes: list[Mistake] = []
    if not isinstance(root, Pairs):
        return EnvironmentFile(mistakes=(Mistake("not a mapping with `dependencies`", root.span if root else _START),))
    found = dict(_keyed(root, mistakes))
    dependencies = _list(found.get("dependencies"), "dependencies", mistakes)
    return EnvironmentFile(
        _entry(found.get("name")),
        _entry(found.get("prefix")),
        tuple(_entries(_channels(found.get("channels"), mistakes), "channels", mistakes)),
        tuple(_entries((node for node in dependencies if not isinstance(node, Pairs)), "dependencies", mistakes)),
        _pip(dependencies, mistakes),
        tuple(mistakes),
    )


_START = Span(0, 0)


def _keyed(pairs: Pairs, mistakes: list[Mistake]) -> Iterator[tuple[str, Node]]:
    seen: set[str] = set()
    for key, value in pairs.pairs:
        if isinstance(key, Scalar):
            if key.text in seen:
                mistakes.append(Mistake(f"`{key.text}` stands twice", key.span))
            seen.add(key.text)
            yield key.text, value


def _is_nothing(node: Node | None) -> bool:
    return node is None or (isinstance(node, Scalar) and node.plain and node.text in {"", "~", "null"})


def _entry(node: Node | None) -> Entry | None:
    return Entry(node.text, node.span) if isinstance(node, Scalar) and not _is_nothing(node) else None


def _channels(node: Node | None, mistakes: list[Mistake]) -> tuple[Node, ...]:
    return (node,) if isinstance(node, Scalar) and not _is_nothing(node) else _list(node, "channels", mistakes)


def _list(node: Node | None, key: str, mistakes: list[Mistake]) -> tuple[Node, ...]:
    if isinstance(node, Items):
        return node.items
    if node is not None and not _is_nothing(node):
        mistakes.append(Mistake(f"`{key}` is not a list", node.span))
    return ()


def _entries(nodes: Iterable[Node], key: str, mistakes: list[Mistake]) -> Iterator[Entry]:
    for node in nodes:
        entry = _entry(node)
        if entry is not None:
            yield entry
        else:
            mistakes.append(Mistake(f"an entry of `{key}` is not a word", node.span))


def _pip(dependencies: Iterable[Node], mistakes: list[Mistake]) -> PipPart | None:
    """Return the last pip part: with several, conda keeps that one."""
    part: PipPart | None = None
    for node in dependencies:
        for key, value in node.pairs if isinstance(node, Pairs) else ():
            if isinstance(key, Scalar) and key.text == "pip":
                part = PipPart(key.span, tuple(_entries(_list(value, "pip", mistakes), "pip", mistakes)))
    return part
