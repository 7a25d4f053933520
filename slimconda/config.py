"""Owns what a project may set: a Config, and the keys of a configuration file that make one."""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from slimconda.errors import ConfigurationError
from slimconda.findings import Severity

CLEAN_ARGUMENTS = "--all --yes"
RUNTIME_IMAGE = "debian:stable-slim"
MICROMAMBA_IMAGE = "mambaorg/micromamba:2"
RULE_LISTS = ("select", "extend-select", "ignore")


@dataclass(frozen=True)
class Config:
    """What a project may set. Empty `select` means all rules that are on by default, and `extend_select` more of them.

    `clean_arguments` follow `conda clean` in a fix; `runtime_image` is what an environment is copied into,
    `micromamba_image` what replaces a base with conda.

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
    extend_select: frozenset[str] = frozenset()
    runtime_image: str = RUNTIME_IMAGE
    micromamba_image: str = MICROMAMBA_IMAGE

    def wants(self, rule: str, *, default: bool) -> bool:
        """Tell whether a rule is on, given whether it is so where nothing is selected."""
        selected = rule in self.select if self.select else default
        return rule not in self.ignore and (selected or rule in self.extend_select)


@dataclass(frozen=True)
class Key:
    """A key of the configuration: how its value is read, and what an editor's schema says of it."""

    read: Callable[[object, str], object]
    schema: dict[str, object]


def read_values(table: dict[str, Any], where: str, rules: frozenset[str]) -> dict[str, Any]:
    """Return the values of a table by the names of Config's fields.

    Raises ConfigurationError for a key or a rule name that does not exist, with the nearest one that does, or an
    unusable value.
    """
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in KEYS:
            raise ConfigurationError(f"{where}: unknown key {key!r} ({nearest(key, KEYS)})")
        values[key.replace("-", "_")] = KEYS[key].read(value, f"{where}: {key}")
    for name in sorted({name for key in RULE_LISTS for name in values.get(key.replace("-", "_"), ())} - rules):
        raise ConfigurationError(f"{where}: unknown rule {name!r} ({nearest(name, rules, 'see: slimconda rules')})")
    return values


def nearest(name: str, known: Collection[str], otherwise: str = "") -> str:
    """Return a suggestion for a name that is none of the known ones, or all of them."""
    import difflib

    close = difflib.get_close_matches(name, sorted(known), n=1)
    return f"did you mean {close[0]!r}?" if close else otherwise or f"known: {', '.join(known)}"


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


def _image(value: object, where: str) -> str:
    if not isinstance(value, str) or not IMAGE.fullmatch(value):
        raise ConfigurationError(f"{where} must be the name of an image, such as {RUNTIME_IMAGE!r}")
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


IMAGE_PATTERN = r"[\w.-]+(?::\d+)?(?:/[\w.-]+)*(?::[\w.-]+)?(?:@sha256:[0-9a-f]{64})?"
IMAGE = re.compile(IMAGE_PATTERN)
NAMES = {"type": "array", "items": {"type": "string"}, "uniqueItems": True}
KEYS = {
    "select": Key(_names, NAMES | {"description": "Only these rules; empty: all that are on by default."}),
    "extend-select": Key(_names, NAMES | {"description": "These rules, too; adds to what an extended file says."}),
    "ignore": Key(_names, NAMES | {"description": "Not these rules; adds to what an extended file ignores."}),
    "fail-on": Key(_severity, {"enum": ["info", "warning", "error"], "description": "Exit with 1 from it on."}),
    "clean-arguments": Key(_clean_arguments, {"type": "string", "description": "What a fix writes after conda clean."}),
    "install-commands": Key(_names, NAMES | {"description": "Own programs that install as conda does."}),
    "clean-commands": Key(_names, NAMES | {"description": "Own programs that clean as conda clean --all does."}),
    "all-stages": Key(_boolean, {"type": "boolean", "description": "Judge builder stages as if they shipped."}),
    "runtime-image": Key(
        _image,
        {
            "type": "string",
            "pattern": f"^{IMAGE_PATTERN}$",
            "description": "What conda-builder-missed copies an environment into.",
        },
    ),
    "micromamba-image": Key(
        _image,
        {
            "type": "string",
            "pattern": f"^{IMAGE_PATTERN}$",
            "description": "What conda-base-not-needed starts from: mambaorg/micromamba, or an image made like it.",
        },
    ),
    "target": Key(_text, {"type": "string", "minLength": 1, "description": "The stage that ships; else the last."}),
}
