"""Owns the flags of `conda clean`, and what they empty.

Sources: conda 4.3 and 26.7, mamba and micromamba 2.8 run with them; the changelog of conda between.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a package cache holds; the linked packages are those whose files an environment has, too."""

    ARCHIVES = "archives"
    EXTRACTED = "extracted packages"
    LINKED = "linked packages"
    INDEX = "index cache"


WHOLE_CACHE = frozenset(Kind)
# Only force removes packages with files of more than one name.
CLEAN_LETTERS = {
    "a": WHOLE_CACHE - {Kind.LINKED},
    "f": WHOLE_CACHE,
    "t": frozenset({Kind.ARCHIVES}),
    "p": frozenset({Kind.EXTRACTED}),
    "i": frozenset({Kind.INDEX}),
}
TARGETS = frozenset("aiptfcls")
CLEAN_OPTIONS = {
    "--all": "a",
    "--force-pkgs-dirs": "f",
    "--tarballs": "t",
    "--packages": "p",
    "--index-cache": "i",
    "--tempfiles": "c",
    "--logfiles": "l",
    "--locks": "l",
    "--lock": "l",
    "--trash": "c",
    "--source-cache": "s",
    "--yes": "y",
    "--dry-run": "d",
    "--quiet": "q",
    "--verbose": "v",
    "--json": "j",
    "--debug": "v",
    "--help": "h",
    **dict.fromkeys("--root-prefix --prefix --name --rc-file --no-rc --no-env --log-level --safety-checks".split(), ""),
}


@dataclass(frozen=True)
class Clean:
    """What a clean's flags say, as letters of conda's short options."""

    letters: frozenset[str]
    unknown: tuple[str, ...]

    @property
    def kinds(self) -> frozenset[Kind]:
        """Return what is emptied: nothing for a dry run, or for a flag that the tool does not have."""
        if self.letters & {"d", "h"} or self.unknown:
            return frozenset()
        return frozenset().union(*(CLEAN_LETTERS.get(letter, frozenset()) for letter in self.letters))

    @property
    def lacks_target(self) -> bool:
        """Tell whether it does not say what to empty: there conda fails, and mamba 2 does nothing."""
        return not (self.letters & (TARGETS | {"d", "h"}) or self.unknown)

    @property
    def yes(self) -> bool:
        """Tell whether it asks nothing."""
        return "y" in self.letters


def read_clean(arguments: Sequence[str]) -> Clean:
    """Return what the words after `clean` ask for; long options may be cut short, as conda and mamba allow."""
    letters: set[str] = set()
    unknown: list[str] = []
    for argument in arguments:
        if argument.startswith("--"):
            given = argument.partition("=")[0]
            options = [option for option in CLEAN_OPTIONS if option.startswith(given)]
            exact = [option for option in options if option == given] or options
            found = {CLEAN_OPTIONS[option] for option in exact}
            letters |= (found if len(found) == 1 else set()) - {""}
            unknown += [] if len(found) == 1 else [argument]
        elif argument.startswith("-"):
            letters |= set(argument[1:])
    return Clean(frozenset(letters), tuple(unknown))
