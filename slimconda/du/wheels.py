"""Owns what an environment's Python packages would take as wheels, where their own metadata tells it.

Source: the PyPA specifications of binary distributions (`Root-Is-Purelib` in WHEEL) and of recording installed
projects (RECORD). A pure wheel has the same files wherever it is installed; a compiled one bundles what conda has as
packages of its own, so nothing is claimed of it.
"""

import csv
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass

from slimconda.du.records import load_bounded, metadata_folders, rows_of

PURE = re.compile(rb"^Root-Is-Purelib:\s*true\s*$", re.IGNORECASE | re.MULTILINE)
SIZE = re.compile(r"[0-9]{1,15}")
# What an installer writes itself, not the wheel.
BY_INSTALLER = frozenset({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"})


@dataclass(frozen=True)
class Wheels:
    """The Python packages of an environment; `pure_bytes` of content the pure ones take in a venv, too.

    `compiled_bytes` is the content of the others here; what wheels of them take is not known.
    """

    pure: int = 0
    pure_bytes: int = 0
    compiled: int = 0
    compiled_bytes: int = 0


NO_WHEELS = Wheels()


def read_wheels(prefix: str) -> Wheels:
    """Return the sums over all Python packages with a readable WHEEL and RECORD; `prefix` is an environment."""
    sizes: dict[bool, list[int]] = {True: [], False: []}
    for pure, size in _sizes(prefix):
        sizes[pure].append(size)
    return Wheels(len(sizes[True]), sum(sizes[True]), len(sizes[False]), sum(sizes[False]))


def _sizes(prefix: str) -> Iterator[tuple[bool, int]]:
    for site, folder in metadata_folders(prefix):
        try:
            wheel, record = (load_bounded(f"{prefix}/{site}/{folder}/{name}")[0] for name in ("WHEEL", "RECORD"))
        except (OSError, ValueError):
            continue
        yield PURE.search(wheel) is not None, _content(record)


def _content(record: bytes) -> int:
    """Return the bytes of the files in a RECORD without bytecode, and without what the installer wrote itself."""
    try:
        rows = rows_of(record)
    except csv.Error:
        return 0
    return sum(int(row[2]) for row in rows if len(row) == 3 and _is_of_wheel(row[0]) and SIZE.fullmatch(row[2]))


def _is_of_wheel(path: str) -> bool:
    folder, name = os.path.split(path)
    return not (name.endswith(".pyc") or (folder.endswith(".dist-info") and name in BY_INSTALLER))
