"""Owns the files beside Dockerfiles: devcontainer.json and compose files, which name them, and environment files."""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from yaml import Node

ENVIRONMENT = re.compile(r"(?:.*[-_.])?environment(?:[-_.].*)?\.ya?ml", re.IGNORECASE)
COMPOSE = re.compile(r"(?:docker-)?compose(?:[.-][^/]*)?\.ya?ml", re.IGNORECASE)
DEVCONTAINER = re.compile(r"\.?devcontainer\.json")
# A string of JSON with comments, or a comment, or a comma before a closing bracket.
LOOSE = re.compile(r'("(?:[^"\\]|\\.)*+")|//[^\n]*|/\*.*?\*/|,(?=\s*[}\]])', re.DOTALL)
LARGEST_FILE = 1 << 20


@dataclass(frozen=True)
class Inline:
    """A Dockerfile within a compose file: its service, its text, and where each of its lines starts in the file."""

    service: str
    text: bytes
    starts: tuple[int, ...]


def is_environment_name(name: str) -> bool:
    """Tell whether a file of that name is taken for one that describes a conda environment."""
    return ENVIRONMENT.fullmatch(name) is not None


def names_dockerfiles(name: str) -> bool:
    """Tell whether a file of that name may say how a Dockerfile is called."""
    return COMPOSE.fullmatch(name) is not None or DEVCONTAINER.fullmatch(name) is not None


def named_dockerfiles(path: Path, folder: Path) -> Iterator[Path]:
    """Yield the existing files below a folder that a file names as Dockerfiles; itself where it holds one inline."""
    data = _read(path)
    if data is None or b"ocker" not in data:
        return
    names = _in_devcontainer(data) if DEVCONTAINER.fullmatch(path.name) else _in_compose(data)
    for name in names:
        named = Path(os.path.normpath(path.parent / name))
        if named.is_relative_to(os.path.normpath(folder)) and named.is_file():
            yield named
    if b"dockerfile_inline" in data and inline_dockerfiles(data):
        yield path


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes() if path.stat().st_size <= LARGEST_FILE else None
    except OSError:
        return None


def _in_devcontainer(data: bytes) -> Iterator[str]:
    text = LOOSE.sub(lambda match: match[1] or " ", data.decode("utf-8", "replace"))
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return
    build = content.get("build") if isinstance(content, dict) else None
    for table, key in ((build, "dockerfile"), (content, "dockerFile")):
        name = table.get(key) if isinstance(table, dict) else None
        if isinstance(name, str):
            yield name


def _in_compose(data: bytes) -> Iterator[str]:
    for _, build in _builds(data):
        context = _text(build.get("context"), ".")
        if "dockerfile" in build and "dockerfile_inline" not in build and "$" not in context:
            name = _text(build["dockerfile"], "")
            if name and "$" not in name:
                yield os.path.normpath(Path(context, name))


def inline_dockerfiles(data: bytes) -> list[Inline]:
    """Return what a compose file holds as `dockerfile_inline` in literal blocks, whose lines stand as they are."""
    found = [(service, build.get("dockerfile_inline")) for service, build in _builds(data)]
    return [inline for service, node in found if node is not None for inline in _literal(data, service, node)]


def _literal(data: bytes, service: str, node: "Node") -> Iterator[Inline]:
    if getattr(node, "style", None) != "|" or b"\r" in data:
        return
    text = data.decode("utf-8", "surrogateescape")
    first = text.index("\n", node.start_mark.index) + 1
    offset = len(text[:first].encode("utf-8", "surrogateescape"))
    lines, starts = node.value.encode().split(b"\n"), []
    for line in lines[: len(lines) - (not lines[-1])]:
        end = data.find(b"\n", offset)
        end = len(data) if end < 0 else end
        if not data[offset:end].endswith(line):
            return
        starts.append(end - len(line))
        offset = end + 1
    yield Inline(service, node.value.encode(), tuple(starts))


def _builds(data: bytes) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each service of a compose file with the nodes of its `build` by key."""
    import yaml

    try:
        services = _table(_table(yaml.compose(data.decode(), yaml.SafeLoader)).get("services"))
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError):
        return
    for service, node in services.items():
        yield service, _table(_table(node).get("build"))


def _table(node: "Node | None") -> "dict[str, Node]":
    pairs = node.value if node is not None and getattr(node, "id", None) == "mapping" else []
    return {key.value: value for key, value in pairs if isinstance(key.value, str)}


def _text(node: "Node | None", default: str) -> str:
    return node.value if node is not None and isinstance(node.value, str) else default
