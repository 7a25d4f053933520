"""Owns what a command is asked to look at: the configuration, and the Dockerfiles meant by its arguments."""

import sys
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from slimconda.cli.options import Threshold
from slimconda.cli.output import complain
from slimconda.config import Config, nearest
from slimconda.errors import ConfigurationError, InputError
from slimconda.findings import Severity
from slimconda.rulebook import load_rules
from slimconda.settings import config_of, load_settings
from slimconda.source import Source

STDIN = "-"


@dataclass(frozen=True)
class Asked:
    """What the options say of the configuration; they weigh more than its files."""

    path: Path | None = None
    fail_on: Threshold | None = None
    select: list[str] | None = None
    ignore: list[str] | None = None
    all_stages: bool = False
    target: str | None = None
    extend_select: list[str] | None = None

    def config(self, name: str) -> Config:
        """Return the configuration of a file by its name, or of the current folder; raises ConfigurationError."""
        known = frozenset(load_rules())
        for rule in [*(self.select or ()), *(self.extend_select or ()), *(self.ignore or ())]:
            if rule not in known:
                raise ConfigurationError(f"there is no rule {rule!r} ({nearest(rule, known, 'see: slimconda rules')})")
        file = Path.cwd() / ("Dockerfile" if name == STDIN else name)
        config = load_settings(self.path, known).config(file) if self.path else config_of(file, known)
        return self._changed(config)

    def _changed(self, config: Config) -> Config:
        return replace(
            config,
            select=frozenset(self.select) if self.select else config.select,
            extend_select=config.extend_select | frozenset(self.extend_select or ()),
            ignore=config.ignore | frozenset(self.ignore or ()),
            fail_on=Severity.named(self.fail_on) if self.fail_on else config.fail_on,
            all_stages=config.all_stages or self.all_stages,
            target=self.target or config.target,
        )


def read_settings(
    path: Path | None,
    fail_on: Threshold | None,
    select: list[str] | None,
    ignore: list[str] | None,
    extend_select: list[str] | None,
) -> Config:
    """Return the current folder's configuration with what the options change in it; raises ConfigurationError."""
    return Asked(path, fail_on, select, ignore, extend_select=extend_select).config(STDIN)


def find_sources(paths: list[str] | None) -> tuple[list[str], bool]:
    """Return the names of all Dockerfiles meant, and whether a path was bad, which is then said."""
    from slimconda.files import find_dockerfiles

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
    from slimconda.files import LARGEST_FILE, read_beside, read_dockerfile

    if name != STDIN:
        return Source(name, read_dockerfile(Path(name)), partial(read_beside, Path(name)))
    if sys.stdin is None:
        raise InputError("standard input: it is closed")
    data = sys.stdin.buffer.read(LARGEST_FILE + 1)
    if len(data) > LARGEST_FILE:
        raise InputError(f"standard input: longer than {LARGEST_FILE} bytes, so not a Dockerfile")
    return Source(STDIN, data)
