"""Owns configuration files: the nearest one above a Dockerfile, what it extends, and its overrides by path."""

import os
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from slimconda.config import KEYS, RULE_LISTS, Config, nearest, read_values
from slimconda.errors import ConfigurationError

NAMES = ("slimconda.toml", ".slimconda.toml", "pyproject.toml")
LARGEST_FILE = 1 << 20
DEEPEST_EXTEND = 10


@dataclass(frozen=True)
class Override:
    """Values for the files whose path from `folder` matches one of the patterns, which are those of .gitignore."""

    folder: Path
    patterns: tuple[str, ...]
    values: dict[str, Any]

    def covers(self, file: Path) -> bool:
        """Tell whether a file, by its absolute path, is meant."""
        from pathspec import GitIgnoreSpec

        if not file.is_relative_to(self.folder):
            return False
        return GitIgnoreSpec.from_lines(self.patterns).match_file(file.relative_to(self.folder).as_posix())


@dataclass(frozen=True)
class Settings:
    """What a configuration file says, together with the files that it extends."""

    values: dict[str, Any]
    overrides: tuple[Override, ...] = ()

    def config(self, file: Path) -> Config:
        """Return the configuration of one file, by its absolute path."""
        values = self.values
        for override in self.overrides:
            values = _merged(values, override.values) if override.covers(file) else values
        return Config(**values)


def config_of(file: Path, rules: frozenset[str]) -> Config:
    """Return the configuration for a file, from the nearest folder upwards that has one; raises ConfigurationError."""
    absolute = Path(os.path.abspath(file))  # noqa: PTH100  # resolve() would follow a link to another project
    return _nearest(absolute.parent, rules).config(absolute)


@cache
def _nearest(folder: Path, rules: frozenset[str]) -> Settings:
    for name in NAMES:
        table = _table(folder / name) if (folder / name).is_file() else None
        if table is not None:
            return _settings(table, folder / name, rules, 0)
    return Settings({}) if folder == folder.parent else _nearest(folder.parent, rules)


@cache
def load_settings(path: Path, rules: frozenset[str]) -> Settings:
    """Return what one file says; raises ConfigurationError."""
    return _load(Path(os.path.abspath(path)), rules, 0)  # noqa: PTH100


def forget_settings() -> None:
    """Forget what was read, so that a changed file counts; for a program that runs on."""
    _nearest.cache_clear()
    load_settings.cache_clear()


def _load(path: Path, rules: frozenset[str], depth: int) -> Settings:
    if not path.is_file():
        raise ConfigurationError(f"{_shown(path)}: no such configuration file")
    return _settings(_table(path) or {}, path, rules, depth)


def _shown(path: Path) -> str:
    """Return a path as people write it: from the current folder where it lies below that."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _table(path: Path) -> dict[str, Any] | None:
    shown = _shown(path)
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise ConfigurationError(f"{shown}: larger than {LARGEST_FILE} bytes")
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigurationError(f"{shown}: {str(error).splitlines()[0]}") from None
    if path.name != "pyproject.toml":
        return content
    tool = content.get("tool", {})
    table = tool.get("slimconda") if isinstance(tool, dict) else None
    return table if isinstance(table, dict) else None


def _settings(table: dict[str, Any], path: Path, rules: frozenset[str], depth: int) -> Settings:
    shown = _shown(path)
    own = {key: value for key, value in table.items() if key not in {"extend", "overrides"}}
    for key in own:
        if key not in KEYS:
            raise ConfigurationError(f"{shown}: unknown key {key!r} ({nearest(key, [*KEYS, 'extend', 'overrides'])})")
    base = _extended(table.get("extend"), path, rules, depth)
    overrides = tuple(_overrides(table.get("overrides", []), path, rules))
    return Settings(_merged(base.values, read_values(own, shown, rules)), (*base.overrides, *overrides))


def _extended(extend: object, path: Path, rules: frozenset[str], depth: int) -> Settings:
    if extend is None:
        return Settings({})
    if not isinstance(extend, str) or not extend:
        raise ConfigurationError(f"{_shown(path)}: extend must be the path of a file")
    if depth == DEEPEST_EXTEND:
        raise ConfigurationError(f"{_shown(path)}: extend goes in a circle, or more than {DEEPEST_EXTEND} files deep")
    return _load(Path(os.path.normpath(path.parent / extend)), rules, depth + 1)


def _overrides(tables: object, path: Path, rules: frozenset[str]) -> list[Override]:
    shown = f"{_shown(path)}: overrides"
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise ConfigurationError(f"{shown} must be tables: [[overrides]]")
    found = []
    for table in tables:
        paths = table.get("paths")
        if not isinstance(paths, list) or not paths or not all(isinstance(pattern, str) for pattern in paths):
            raise ConfigurationError(f"{shown}: each needs paths, a list of patterns as in .gitignore")
        values = {key: value for key, value in table.items() if key != "paths"}
        found.append(Override(path.parent, tuple(paths), read_values(values, shown, rules)))
    return found


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Return values with those that stand above in place; what is ignored or selected beside the rest adds up."""
    sums = {key: below.get(key, frozenset()) | above.get(key, frozenset()) for key in ("ignore", "extend_select")}
    return below | above | {key: names for key, names in sums.items() if names}


def schema(rules: list[str]) -> dict[str, Any]:
    """Return the JSON schema of slimconda.toml, for editors."""
    keys = {name: key.schema for name, key in KEYS.items()}
    for name in RULE_LISTS:
        keys[name] = keys[name] | {"items": {"enum": rules}}
    paths = {"type": "array", "items": {"type": "string"}, "minItems": 1, "description": "Patterns as in .gitignore."}
    override = {"type": "object", "required": ["paths"], "additionalProperties": False}
    overrides = {"type": "array", "items": override | {"properties": {"paths": paths} | keys}}
    extend = {"type": "string", "minLength": 1, "description": "A file whose values hold where this one has none."}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "slimconda.toml",
        "type": "object",
        "additionalProperties": False,
        "properties": keys | {"extend": extend, "overrides": overrides},
    }
