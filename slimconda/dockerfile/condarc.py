"""Owns conda's own configuration as far as a Dockerfile writes it: `conda config`, and lines put into a .condarc.

Sources: conda's documentation of pkgs_dirs (the first writable one is filled), always_yes and always_softlink; the
words that its YAML takes for true.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

COMMAND = re.compile(r"config\b[^&|;\n]*?--(?:add|prepend|append|set)[ =]+pkgs_dirs[ =]+[\"']?([^\s\"';&|]+)")
LIST = re.compile(r"pkgs_dirs[\"']?:\s*(?:\\n)?\s*(?:\[\s*|-\s*)[\"']?([^\s\"',;\]\\]+)")
CHANNELS = re.compile(
    r"condarc|mambarc|CONDA_(?:DEFAULT_)?CHANNELS|channel_alias|default_channels|config\b[^&|;\n]*\bchannels\b|channels:"
)


def may_set_channels(text: str) -> bool:
    """Tell whether a Dockerfile's text may choose the channels of all commands, in conda's configuration."""
    return CHANNELS.search(re.sub(r"[\\`]\r?\n", " ", text)) is not None


def pkgs_dirs_of(text: str) -> tuple[str, ...]:
    """Return the package caches that an instruction's text configures, as they are written."""
    return tuple(match[1] for pattern in (COMMAND, LIST) for match in pattern.finditer(text))


SWITCH = re.compile(
    r"\b(always_yes|always_copy|always_softlink|allow_softlinks)[\"']?(?:\s*:\s*|[\s=]+)[\"']?"
    r"(true|yes|on|y|1|false|no|off|n|0)\b",
    re.IGNORECASE,
)
TRUE = frozenset({"true", "yes", "on", "y", "1"})
FALSE = frozenset({"false", "no", "off", "n", "0", ""})
FILE = re.compile(r"condarc|mambarc")
MAY_CONFIGURE = re.compile(rb"pkgs_dirs|always_|allow_softlinks|condarc|mambarc")
SOFT_LINKS = re.compile(
    rb"(?:always|allow)_softlinks?[\"']?[\s:=]+[\"']?(?:true|yes|on|y|1)\b|--(?:always|allow)-softlinks?", re.IGNORECASE
)


@dataclass(frozen=True)
class Switch:
    """A setting that is on or off, and the byte of the file where it is made; no name for a file that is not seen."""

    name: str
    on: bool
    offset: int


def switches_of(text: str, offset: int, *, brings: bool) -> Iterator[Switch]:
    """Yield what an instruction's text switches on or off; it stands at `offset`; `brings`: it copies files."""
    for match in SWITCH.finditer(text):
        at = offset + len(text[: match.start()].encode("utf-8", "surrogateescape"))
        yield Switch(match[1].lower(), match[2].lower() in TRUE, at)
    if brings and FILE.search(text) and "<<" not in text:
        yield Switch("", on=True, offset=offset)


def switched(switches: Sequence[Switch], name: str, before: int) -> bool | None:
    """Tell whether a setting is on at a byte of the file; None where a file that is not seen may say so."""
    earlier = [switch for switch in switches if switch.offset < before and switch.name in {name, ""}]
    if not earlier:
        return False
    return earlier[-1].on if earlier[-1].name else None


def is_on(value: str | None) -> bool | None:
    """Tell whether a variable's value switches a setting on; None where it is not set, or not known."""
    text = (value or "").strip().lower()
    if value is None or text not in TRUE | FALSE:
        return None
    return text in TRUE
