"""Owns what an environment's Python packages say of themselves: RECORD, as claims on paths, and the WHEEL beside it.

Source: the PyPA specifications of recording installed projects (RECORD) and of binary distributions (WHEEL).
"""

import csv
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass

from slimconda.du.records import load_bounded

SITE_PACKAGES = re.compile(r"(?:lib/python\d+\.\d+|Lib)/site-packages")
PURE = re.compile(rb"^Root-Is-Purelib:\s*true\s*$", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True)
class PipRecord:
    """A Python package with metadata: `stem` is NAME VERSION, `path` its RECORD's path relative to the environment.

    `rows` are path, hash and size of each file; `time` is when RECORD was written; `pure` tells whether its wheel was
    for any machine, None where no WHEEL tells.
    """

    stem: str
    path: str
    rows: tuple[tuple[str, ...], ...]
    time: float
    pure: bool | None

    @property
    def files(self) -> tuple[str, ...]:
        """Return the paths of its files, relative to the environment."""
        site = os.path.dirname(os.path.dirname(self.path))
        return tuple(os.path.normpath(f"{site}/{row[0]}") for row in self.rows if not row[0].startswith("/"))


def read_pip_records(prefix: str) -> Iterator[PipRecord]:
    """Yield the Python packages of an environment that have a readable RECORD, conda's own among them."""
    for site in _site_packages(prefix):
        try:
            folders = sorted(name for name in os.listdir(f"{prefix}/{site}") if name.endswith(".dist-info"))
        except OSError:
            continue
        for folder in folders:
            yield from _read(prefix, f"{site}/{folder}")


def _site_packages(prefix: str) -> list[str]:
    try:
        lib = os.listdir(f"{prefix}/lib")
    except OSError:
        lib = []
    found = [f"lib/{name}/site-packages" for name in sorted(lib)] + ["Lib/site-packages"]
    return [path for path in found if SITE_PACKAGES.fullmatch(path) and not os.path.islink(f"{prefix}/{path}")]


def _read(prefix: str, folder: str) -> Iterator[PipRecord]:
    path = f"{folder}/RECORD"
    try:
        data, time = load_bounded(f"{prefix}/{path}")
        lines = data.decode("utf-8", "replace").splitlines()
        rows = tuple(tuple(row) for row in csv.reader(lines) if row)
    except (OSError, ValueError, csv.Error):
        return
    stem = " ".join(os.path.basename(folder).removesuffix(".dist-info").rsplit("-", 1))
    yield PipRecord(stem, path, rows, time, _is_pure(f"{prefix}/{folder}/WHEEL"))


def _is_pure(wheel: str) -> bool | None:
    try:
        return PURE.search(load_bounded(wheel)[0]) is not None
    except (OSError, ValueError):
        return None
