"""Owns the walk through a folder outside of git: all files but those that .gitignore files leave out."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

SKIPPED = frozenset({".git", ".hg", ".svn", ".tox", ".venv", "__pycache__", "node_modules"})
LARGEST_IGNORE_FILE = 1 << 20


def walk(folder: Path) -> Iterator[str]:
    """Yield the names of all files below a folder, relative to it; links to folders are not followed."""
    return _walk(folder, "", ())


def _walk(top: Path, below: str, specs: Sequence[tuple[str, "GitIgnoreSpec"]]) -> Iterator[str]:
    try:
        entries = sorted(os.scandir(top / below), key=lambda entry: entry.name)
    except OSError:
        return
    if any(entry.name == ".gitignore" for entry in entries) and (spec := _spec(top / below / ".gitignore")):
        specs = (*specs, (below, spec))
    for entry in entries:
        name, folder = below + entry.name, entry.is_dir(follow_symlinks=False)
        if _is_ignored(f"{name}/" if folder else name, specs) or (folder and entry.name in SKIPPED):
            continue
        if folder:
            yield from _walk(top, f"{name}/", specs)
        else:
            yield name


def _spec(path: Path) -> "GitIgnoreSpec | None":
    from pathspec import GitIgnoreSpec

    try:
        if path.stat().st_size > LARGEST_IGNORE_FILE:
            return None
        return GitIgnoreSpec.from_lines(path.read_text(encoding="utf-8", errors="surrogateescape").splitlines())
    except (OSError, ValueError):
        return None


def _is_ignored(name: str, specs: Sequence[tuple[str, "GitIgnoreSpec"]]) -> bool:
    """Tell what the nearest .gitignore says that says anything; `name` of a folder ends in a slash."""
    for below, spec in reversed(specs):
        verdict = spec.check_file(name.removeprefix(below)).include
        if verdict is not None:
            return bool(verdict)
    return False
