"""Owns which files were changed since their package was installed: late by their time, with other content.

Source: conda-meta/*.json has each file's size and SHA-256 (`paths_data`), also of files with a prefix in them.
"""

import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from slimconda.du.records import load_bounded
from slimconda.du.scan import Suspect

MOST_READ = 1 << 30  # bytes hashed per environment; what is beyond is not judged


@dataclass(frozen=True)
class Changed:
    """The paths of changed files, relative to the environment, and their bytes; `unknown` files could not be judged."""

    paths: tuple[str, ...] = ()
    bytes: int = 0
    unknown: int = 0


def changed_files(prefix: str, suspects: Iterable[Suspect]) -> Changed:
    """Return which of the late files differ from what their package's record says."""
    by_package: defaultdict[str, list[Suspect]] = defaultdict(list)
    for suspect in suspects:
        by_package[suspect.package].append(suspect)
    paths: list[str] = []
    size = unknown = read = 0
    for package, found in sorted(by_package.items()):
        recorded = _recorded(prefix, package)
        for suspect in found:
            relative = suspect.path[len(prefix) + 1 :]
            verdict, hashed = _is_changed(suspect, recorded.get(relative), MOST_READ - read)
            read += hashed
            unknown += verdict is None
            if verdict:
                paths.append(relative)
                size += suspect.size
    return Changed(tuple(sorted(paths)), size, unknown)


def _recorded(prefix: str, stem: str) -> dict[str, dict[str, Any]]:
    """Return what a record says of each file, by its path."""
    try:
        content = json.loads(load_bounded(f"{prefix}/conda-meta/{stem}.json")[0])
        entries = content["paths_data"]["paths"]
        return {entry["_path"]: entry for entry in entries if isinstance(entry, dict) and "_path" in entry}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}


def _is_changed(suspect: Suspect, entry: dict[str, Any] | None, budget: int) -> tuple[bool | None, int]:
    """Return whether a file was changed, None where nothing tells, and how many bytes were read for it."""
    if entry is None:
        return None, 0
    written = entry.get("sha256_in_prefix") or (None if entry.get("prefix_placeholder") else entry.get("sha256"))
    size = None if entry.get("prefix_placeholder") else entry.get("size_in_bytes")
    if isinstance(size, int) and size != suspect.size:
        return True, 0
    if not isinstance(written, str) or suspect.size > budget:
        return None, 0
    digest = _sha256(suspect.path)
    return (None, 0) if digest is None else (digest != written, suspect.size)


def _sha256(path: str) -> str | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None
