"""Owns the options of a shell that decide which failures end a script: `set -e` and `set -o pipefail`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

ERREXIT = re.compile(r"-[a-zA-Z]*e[a-zA-Z]*")
NAMES = frozenset({"errexit", "pipefail"})


@dataclass(frozen=True, slots=True)
class Options:
    """Whether a failure ends the script, and whether a pipe fails with any of its parts or with the last alone."""

    errexit: bool = False
    pipefail: bool = False


NONE = Options()


def options_of(words: Sequence[str]) -> Options:
    """Return the options that a shell is called with, in its own words or those of SHELL."""
    errexit = any(ERREXIT.fullmatch(word) for word in words) or "errexit" in words
    return Options(errexit, "pipefail" in words)


def options_after(words: Sequence[str], before: Options) -> Options:
    """Return the options after `set` with these words."""
    after = before
    for word, name in zip(words, [*words[1:], ""], strict=True):
        if word[:1] not in {"-", "+"}:
            continue
        if "e" in word[1:].partition("o")[0]:
            after = replace(after, errexit=word.startswith("-"))
        if word.endswith("o") and name in NAMES:
            after = replace(after, **{name: word.startswith("-")})
    return after
