"""Owns what an environment.yml says: channels, dependencies and the pip part, each with its place, and mistakes.

Source: conda's documentation of environment files and its reader (conda/env/env.py of 26.7): `pip` is the only mapping
that it reads among the dependencies, and with several of them it keeps the last. `sel(...)` is micromamba's.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from slimconda.environments.file import (
    Beside,
    Entry,
    EnvironmentFile,
    Mistake,
    PipPart,
    comments_in,
    statements_in,
)
from slimconda.environments.match_specs import flaw_of
from slimconda.environments.requirements import included_lines
from slimconda.environments.yaml_nodes import Items, Node, Pairs, Scalar, YamlError, read_document
from slimconda.source import Span

_START = Span(0, 0)


def read_environment(data: bytes, beside: Beside | None = None) -> EnvironmentFile:
    """Return what an environment file of these bytes says; it never raises, `mistakes` tell what is wrong.

    Nothing is executed, and the work is bounded by the limits of yaml_nodes. Files that `-r` lines of the pip part name
    are asked of `beside`; without it they are not read.
    """
    try:
        yaml = read_document(data)
    except YamlError as error:
        return unreadable(error, data)
    mistakes: list[Mistake] = []
    root = yaml.root
    comments = comments_in(data, yaml.words)
    if not isinstance(root, Pairs):
        place = root.span if root else _START
        return EnvironmentFile(mistakes=(Mistake("not a mapping with `dependencies`", place),), comments=comments)
    found = dict(_keyed(root, mistakes))
    file = EnvironmentFile(
        _entry(found.get("name")),
        _entry(found.get("prefix")),
        tuple(_entries(_channels(found.get("channels"), mistakes), "channels", mistakes)),
        statements=statements_in(root),
        comments=comments,
        data=data,
    )
    return _with_dependencies(file, found.get("dependencies"), mistakes, beside)


def unreadable(error: YamlError, data: bytes) -> EnvironmentFile:
    """Return the file of which nothing is known but where the reader stopped."""
    mistake = Mistake(str(error), error.span)
    comments = comments_in(data, ())
    return EnvironmentFile(unread=mistake) if error.ours else EnvironmentFile(mistakes=(mistake,), comments=comments)


def _with_dependencies(
    file: EnvironmentFile, node: Node | None, mistakes: list[Mistake], beside: Beside | None
) -> EnvironmentFile:
    nodes = _list(node, "dependencies", mistakes)
    plain = (one for one in nodes if not isinstance(one, Pairs))
    entries = tuple(_entries(plain, "dependencies", mistakes))
    mistakes += [Mistake(flaw, entry.span) for entry in entries if (flaw := flaw_of(entry.text))]
    pip, unread = _pip(nodes, mistakes), None
    if pip is not None and beside is not None:
        lines, unread = included_lines(pip.requirements, beside)
        pip = replace(pip, included=lines)
    ordered = tuple(sorted(mistakes, key=lambda mistake: mistake.span))
    return replace(file, dependencies=entries, pip=pip, mistakes=ordered, unread=unread)


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
    last: tuple[Scalar, Node] | None = None
    for node in dependencies:
        for key, value in node.pairs if isinstance(node, Pairs) else ():
            if isinstance(key, Scalar) and key.text == "pip":
                last = key, value
    if last is None:
        return None
    key, value = last
    return PipPart(key.span, tuple(_entries(_list(value, "pip", mistakes), "pip", mistakes)))
