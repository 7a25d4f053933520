"""Owns the choice of a source: which kind of place a target names. A further kind, a registry say, is one more line."""

import os
from pathlib import Path

from slimconda.layers.archive import read_archive, read_folder
from slimconda.layers.request import Layers, Reader, Request

STDIN = "-"


def read_image(target: str, request: Request) -> Layers:
    """Yield the layers of what a target names: standard input, an archive or folder if one has that path, else the
    daemon's image of that name. Raises ImageError, or DaemonError where a daemon is at fault.
    """
    if target == STDIN:
        return read_archive("/dev/stdin", request)
    return _reader(target)(target, request)


def _reader(target: str) -> Reader:
    path = Path(target)
    if os.path.lexists(path) and not _is_only_a_name(target, path):
        return read_folder if path.is_dir() else read_archive
    from slimconda.layers.daemon import read_daemon

    return read_daemon


def _is_only_a_name(target: str, path: Path) -> bool:
    """Tell whether a folder here only happens to be called like the image that is meant."""
    documents = (path / "manifest.json", path / "index.json")
    return path.is_dir() and not target.startswith(("/", ".")) and not any(file.exists() for file in documents)
