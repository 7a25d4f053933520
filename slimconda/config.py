"""Owns the configuration: slimconda.toml, or [tool.slimconda] of pyproject.toml, becomes a Config."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slimconda.errors import ConfigurationError
from slimconda.findings import Severity

CLEAN_ARGUMENTS = "--all --yes"
LARGEST_FILE = 1 << 20


@dataclass(frozen=True)
class Config:
    """What a project may set. Empty `select` means all rules; `clean_arguments` follow `conda clean` in a fix.

    `install_commands` and `clean_commands` are names of the project's own programs that do what conda does.
    `all_stages` judges builder stages as if they shipped; `target` is the stage that ships, in files that have it.
    """

    select: frozenset[str] = frozenset()
    ignore: frozenset[str] = frozenset()
    fail_on: Severity = Severity.WARNING
    clean_arguments: str = CLEAN_ARGUMENTS
    install_commands: frozenset[str] = frozenset()
    clean_commands: frozenset[str] = frozenset()
    all_stages: bool = False
    target: str | None = None

    def wants(self, rule: str) -> bool:
        """Tell whether a rule is on."""
        return rule not in self.ignore and (not self.select or rule in self.select)


def find_config(folder: Path, rules: frozenset[str]) -> Config:
    """Return the configuration of the nearest folder, from the given one upwards, that has one.

    Raises ConfigurationError for a key or a rule name that does not exist, or an unusable value.
    """
    for parent in (folder, *folder.parents):
        for name in ("slimconda.toml", ".slimconda.toml", "pyproject.toml"):
            table = _table(parent / name) if (parent / name).is_file() else None
            if table is not None:
                return _config(table, parent / name, rules)
    return Config()


def load_config(path: Path, rules: frozenset[str]) -> Config:
    """Return the configuration of one file; raises ConfigurationError."""
    if not path.is_file():
        raise ConfigurationError(f"{path}: no such configuration file")
    return _config(_table(path) or {}, path, rules)


def _table(path: Path) -> dict[str, Any] | None:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise ConfigurationError(f"{path}: larger than {LARGEST_FILE} bytes")
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"{path}: {str(error).splitlines()[0]}") from None
    if path.name != "pyproject.toml":
        return content
    table = content.get("tool", {}).get("slimconda")
    return table if isinstance(table, dict) else None


def _config(table: dict[str, Any], path: Path, rules: frozenset[str]) -> Config:
    readers = {
        "select": _names,
        "ignore": _names,
        "fail-on": _severity,
        "clean-arguments": _clean_arguments,
        "install-commands": _names,
        "clean-commands": _names,
        "all-stages": _boolean,
        "target": _text,
    }
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in readers:
            raise ConfigurationError(f"{path}: unknown key {key!r} (known: {', '.join(readers)})")
        values[key.replace("-", "_")] = readers[key](value, f"{path}: {key}")
    config = Config(**values)
    unknown = sorted((config.select | config.ignore) - rules)
    if unknown:
        raise ConfigurationError(f"{path}: unknown rule {unknown[0]!r} (see: slimconda rules)")
    return config


def _names(value: object, where: str) -> frozenset[str]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise ConfigurationError(f"{where} must be a list of names")
    return frozenset(value)


def _boolean(value: object, where: str) -> bool:
    if not isinstance(value, bool):
        raise ConfigurationError(f"{where} must be true or false")
    return value


def _text(value: object, where: str) -> str:
    if not isinstance(value, str) or not value:
        raise ConfigurationError(f"{where} must be a name")
    return value


def _severity(value: object, where: str) -> Severity:
    try:
        return Severity.named(str(value))
    except KeyError:
        raise ConfigurationError(f"{where} must be info, warning or error") from None


def _clean_arguments(value: object, where: str) -> str:
    words = value.split() if isinstance(value, str) else []
    if not words or not all(word.startswith("-") and word.strip("-").replace("-", "").isalpha() for word in words):
        raise ConfigurationError(f"{where} must be flags of conda clean, such as {CLEAN_ARGUMENTS!r}")
    letters = {letter for word in words if not word.startswith("--") for letter in word}
    whole = letters & {"a", "f"} or {"--all", "--force-pkgs-dirs"} & set(words)
    if not whole or not ("y" in letters or "--yes" in words):
        raise ConfigurationError(f"{where} must clean everything and ask nothing, as {CLEAN_ARGUMENTS!r} does")
    return " ".join(words)
