"""Owns the flags of a clean that its tool does not have, so that the clean fails.

Sources: `conda clean` of 26.7 and 4.3 run (exit code 2), mamba and micromamba 2.8 run (exit code 109), conda's
changelog between: --source-cache is gone since 4.13, --lock since 4.8; no version has --unused-only.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from slimconda.dockerfile.conda import CondaCommand, Tool, Verb
from slimconda.dockerfile.shell import Word
from slimconda.dockerfile.versions import CondaVersions, Version

CONDA_LETTERS = frozenset("aiptflcydqvh")
CONDA_OPTIONS = (
    "--all --index-cache --packages --tarballs --force-pkgs-dirs --tempfiles --logfiles --yes --dry-run --quiet "
    "--verbose --json --debug --trace --console --help --no-plugins"
).split()
# mamba 1 took conda's flags, and this one.
MAMBA_1_OPTIONS = ("--locks",)
GONE: dict[str, Version] = {"s": (4, 13), "--source-cache": (4, 13), "--lock": (4, 8)}
# What conda's users write and mamba 2 has not; its other options are too many to tell a wrong one for certain.
NOT_MAMBA_2 = ("--unused-only", "--source-cache", "--tempfiles", "--logfiles")
NOT_MAMBA_2_LETTERS = frozenset("sc")


@dataclass(frozen=True)
class DeadFlag:
    """A flag of a clean that its tool lacks: its word, and the letter in a word of several, None for the whole word.

    `since` is the version of conda from which on it fails, None where no version has it.
    """

    word: Word
    letter: str | None
    since: Version | None

    @property
    def name(self) -> str:
        """Return the flag as people write it."""
        return f"-{self.letter}" if self.letter else self.word.text.partition("=")[0]


def dead_flags(call: CondaCommand, versions: CondaVersions) -> tuple[DeadFlag, ...]:
    """Return the flags of a clean that fail in every version of the tool that may be meant."""
    if call.verb is not Verb.CLEAN:
        return ()
    return tuple(flag for word in call.arguments[len(call.leading) :] for flag in _dead(word, call, versions))


def _dead(word: Word, call: CondaCommand, versions: CondaVersions) -> list[DeadFlag]:
    """Return the dead flags of a word: mamba may be its first version, with conda's flags, or its second."""
    old = list(_conda_lacks(word, versions, mamba=call.tool is Tool.MAMBA))
    new = list(_mamba_2_lacks(word))
    if call.tool is Tool.CONDA and not call.guessed:
        return old
    if call.tool is Tool.MICROMAMBA:
        return new
    return [flag for flag in old if flag.letter in {other.letter for other in new}]


def _conda_lacks(word: Word, versions: CondaVersions, *, mamba: bool) -> Iterator[DeadFlag]:
    name = word.text.partition("=")[0]
    if name.startswith("--"):
        options = [*CONDA_OPTIONS, *(MAMBA_1_OPTIONS if mamba else ())]
        if re.fullmatch(r"--[a-z-]+", name) and not any(option.startswith(name) for option in options):
            since = next((version for gone, version in GONE.items() if gone.startswith(name)), None)
            if since is None or not versions.may_be_older_than(since):
                yield DeadFlag(word, None, since)
        return
    for letter in _letters(word, "c"):
        since = GONE.get(letter)
        if letter not in CONDA_LETTERS and (since is None or not versions.may_be_older_than(since)):
            yield DeadFlag(word, letter, since)


def _mamba_2_lacks(word: Word) -> Iterator[DeadFlag]:
    """Yield what mamba 2 and micromamba lack: they never took conda's old flags."""
    if word.text.startswith("--"):
        name = word.text.partition("=")[0]
        if len(name) > len("--x") and any(option.startswith(name) for option in NOT_MAMBA_2):
            yield DeadFlag(word, None, None)
        return
    for letter in _letters(word, "rn"):
        if letter in NOT_MAMBA_2_LETTERS:
            yield DeadFlag(word, letter, None)


def _letters(word: Word, with_value: str) -> str:
    """Return the letters of a word of short options up to the first that takes the rest as its value."""
    match = re.fullmatch(rf"-([a-zA-Z]*?)(?:[{with_value}].*|\Z)", word.text)
    return match[1] if match else ""
