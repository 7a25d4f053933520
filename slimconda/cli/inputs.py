"""Owns what a command is asked to look at: the configuration, and the Dockerfiles meant by its arguments."""

import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

from slimconda.cli.options import Threshold
from slimconda.cli.output import complain
from slimconda.config import Config, find_config, load_config
from slimconda.errors import ConfigurationError, InputError
from slimconda.files import LARGEST_FILE, find_dockerfiles, read_beside, read_dockerfile
from slimconda.findings import Severity
from slimconda.rulebook import load_rules
from slimconda.source import Source

STDIN = "-"


def read_settings(
    path: Path | None, fail_on: Threshold | None, select: list[str] | None, ignore: list[str] | None
) -> Config:
    """Return the configuration with what the options change in it; raises ConfigurationError."""
    known = frozenset(load_rules())
    for name in [*(select or ()), *(ignore or ())]:
        if name not in known:
            raise ConfigurationError(f"there is no rule {name!r} (see: slimconda rules)")
    config = load_config(path, known) if path else find_config(Path.cwd(), known)
    if select:
        config = replace(config, select=frozenset(select))
    if ignore:
        config = replace(config, ignore=config.ignore | frozenset(ignore))
    return replace(config, fail_on=Severity.named(fail_on)) if fail_on else config


def find_sources(paths: list[str] | None) -> tuple[list[str], bool]:
    """Return the names of all Dockerfiles meant, and whether a path was bad, which is then said."""
    found: dict[str, None] = {}
    failed = False
    for path in paths or ["."]:
        try:
            found |= dict.fromkeys([STDIN] if path == STDIN else map(str, find_dockerfiles([Path(path)])))
        except InputError as error:
            failed = complain(error)
    return list(found), failed


def open_source(name: str) -> Source:
    """Return a Dockerfile's bytes, standard input's for `-`; raises InputError for what is none."""
    if name != STDIN:
        return Source(name, read_dockerfile(Path(name)), partial(read_beside, Path(name)))
    data = sys.stdin.buffer.read(LARGEST_FILE + 1)
    if len(data) > LARGEST_FILE:
        raise InputError(f"standard input: longer than {LARGEST_FILE} bytes, so not a Dockerfile")
    return Source(STDIN, data)
