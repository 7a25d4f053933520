"""Owns where pins come from: a lock, an exported environment file, or an installed environment."""

import re
from itertools import islice
from pathlib import Path

from slimconda.environments.file import EnvironmentFile, Pins
from slimconda.environments.read import pins_of, read_kind
from slimconda.environments.requirements import normalized, requirement_of
from slimconda.errors import InputError
from slimconda.files import read_dockerfile
from slimconda.kinds import Kind, kind_of

RECORD = re.compile(r"(.+)-([^-]+)-[^-]+\.json")
DIST_INFO = re.compile(r"(.+)-([^-]+)\.dist-info")
EXPORTED = re.compile(r"(?:[^\s:]+::)?([A-Za-z0-9_.-]+)==?([^=\s*<>!~|,]+)(?:=[^=\s]*)?")
MOST_FILES = 100_000


def read_pins(path: Path) -> Pins:
    """Return the versions that a lock, an exported environment file or an environment's folder has.

    Raises InputError where it is none of these, or has no version.
    """
    pins = _installed(path) if path.is_dir() else _in_file(path)
    if not pins.conda and not pins.pip:
        raise InputError(f"{path}: no versions in it: give a lock, an explicit list or an environment's folder")
    return pins


def _installed(prefix: Path) -> Pins:
    """Read an environment by the names of its records, which conda and pip give packages and versions."""
    try:
        records = [path.name for path in islice((prefix / "conda-meta").iterdir(), MOST_FILES)]
        sites = [path.name for path in islice(prefix.glob("lib/python3*/site-packages/*.dist-info"), MOST_FILES)]
    except OSError as error:
        raise InputError(f"{prefix}: no conda environment ({error.strerror}: conda-meta)") from None
    conda = {match[1]: match[2] for name in records if (match := RECORD.fullmatch(name))}
    pip = {normalized(match[1]): match[2] for name in sites if (match := DIST_INFO.fullmatch(name))}
    return Pins(conda, pip)


def _in_file(path: Path) -> Pins:
    data = read_dockerfile(path)
    kind = kind_of(path.name, data)
    file = read_kind(kind, data) if kind else EnvironmentFile()
    wrong = [file.unread] if file.unread else file.mistakes
    if wrong:
        line = data.count(b"\n", 0, wrong[0].span.start) + 1
        raise InputError(f"{path}:{line}: {wrong[0].message}")
    return _exported(file) if kind in {Kind.ENVIRONMENT, Kind.REQUIREMENTS} else pins_of(file.groups)


def _exported(file: EnvironmentFile) -> Pins:
    """Return the exact versions of what `conda env export` or `pip freeze` wrote."""
    conda = {match[1].lower(): match[2] for entry in file.dependencies if (match := EXPORTED.fullmatch(entry.text))}
    asked = [requirement_of(entry.text) for entry in (file.pip.packages if file.pip else ())]
    pip = {one.name: one.version[2:].strip() for one in asked if one and re.fullmatch(r"==[^=,*]+", one.version)}
    return Pins(conda, pip)
