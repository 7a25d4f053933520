"""Owns the files that name Dockerfiles, or hold them: devcontainer.json and compose files."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

from slimconda.compose import inline_dockerfiles, is_compose_name, named_in_compose

DEVCONTAINER = re.compile(r"\.?devcontainer\.json")
# A string of JSON with comments, or a comment, or a comma before a closing bracket.
LOOSE = re.compile(r'("(?:[^"\\]|\\.)*+")|//[^\n]*|/\*.*?\*/|,(?=\s*[}\]])', re.DOTALL)
LARGEST_FILE = 1 << 20


def names_dockerfiles(name: str) -> bool:
    """Tell whether a file of that name may say how a Dockerfile is called."""
    return is_compose_name(name) or DEVCONTAINER.fullmatch(name) is not None


def named_dockerfiles(path: Path, folder: Path) -> Iterator[Path]:
    """Yield the existing files below a folder that a file names as Dockerfiles; itself where it holds one inline."""
    data = _read(path)
    if data is None or b"ocker" not in data:
        return
    names = _in_devcontainer(data) if DEVCONTAINER.fullmatch(path.name) else named_in_compose(data)
    for name in names:
        named = Path(os.path.normpath(path.parent / name))
        if named.is_relative_to(os.path.normpath(folder)) and named.is_file():
            yield named
    if is_compose_name(path.name) and b"dockerfile_inline" in data and inline_dockerfiles(data):
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
