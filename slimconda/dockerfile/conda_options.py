"""Owns how conda's tools read their own arguments: which options take a value, what is an operand.

Sources: the command lines of conda 26.7 and 4.3 (run; argparse takes unambiguous abbreviations and glued letters) and
of mamba and micromamba 2.8 (run).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from slimconda.dockerfile.shell import Word

VALUE_LETTERS = frozenset("npcfr")
VALUE_OPTIONS = frozenset(
    (
        "--cacert-path --category --channel --channel-alias --channel-priority --clone --console --env-spec "
        "--environment-specifier --experimental --experimental-solver --file --lock-timeout --log-level --name "
        "--platform --prefix --rc-file --relocate-prefix --repodata-fn --repodata-ttl --revision --root-prefix "
        "--safety-checks --shortcuts-only --solver --ssl-verify --subdir --trusted-channels"
    ).split()
)
# Options without a value that share a beginning with one that takes it, so that an abbreviation is ambiguous.
FLAGS = frozenset(
    (
        "--clobber --copy --extra-safety-checks --force --force-reinstall --freeze-installed --no-deps --no-env "
        "--no-lock --no-pin --no-py-pin --no-pyc --no-rc --prune --repodata-use-zst --retry-clean-cache "
        "--satisfied-skip-solve --shortcuts --show-channel-urls --ssl-no-revoke --strict-channel-priority --update-all"
    ).split()
)
SHORTEST_ABBREVIATION = len("--f")


@dataclass(frozen=True)
class Arguments:
    """A tool's arguments: `operands` are no options and no values; `values` pair each option with what it is given."""

    operands: tuple[Word, ...]
    values: tuple[tuple[str, str], ...]

    def given(self, *options: str) -> tuple[str, ...]:
        """Return the values of some options, in their order; each has its long and its short name in `options`."""
        return tuple(value for option, value in self.values if option in options)


def read_arguments(words: Sequence[Word], *, micromamba: bool = False) -> Arguments:
    """Return what the words after a subcommand are; micromamba's `--experimental` has no value, conda's has one."""
    operands: list[Word] = []
    values: list[tuple[str, str]] = []
    at = 0
    while at < len(words):
        text = words[at].text
        if text == "--":
            operands += words[at + 1 :]
            break
        if not is_option(text):
            operands.append(words[at])
        elif option := value_option(text, micromamba=micromamba):
            at += 1
            values += [(option, words[at].text)] if at < len(words) else []
        else:
            values += _glued(text)
        at += 1
    return Arguments(tuple(operands), tuple(values))


def is_option(text: str) -> bool:
    """Tell whether a word is an option; a lone dash is none."""
    return text.startswith("-") and text != "-"


def value_option(text: str, *, micromamba: bool = False) -> str | None:
    """Return the option whose value the next word is, None where a word is none or brings its value along."""
    if not text.startswith("--"):
        letter = _value_letter(text)
        return f"-{text[letter]}" if letter == len(text) - 1 else None
    if "=" in text or text in FLAGS or (text == "--experimental" and micromamba):
        return None
    return _whole(text)


def _value_letter(text: str) -> int | None:
    """Return where the first letter that takes a value stands in a word of short options."""
    if not re.match(r"-[a-zA-Z]", text):
        return None
    return next((at for at, letter in enumerate(text) if at and letter in VALUE_LETTERS), None)


def _whole(text: str) -> str | None:
    """Return the option with a value that a word means, whole or abbreviated without doubt."""
    if text in VALUE_OPTIONS:
        return text
    if len(text) < SHORTEST_ABBREVIATION or any(flag.startswith(text) for flag in FLAGS):
        return None
    return min((option for option in VALUE_OPTIONS if option.startswith(text)), key=len, default=None)


def _glued(text: str) -> Iterator[tuple[str, str]]:
    """Yield the option and the value that one word holds: `--channel=x`, `-cx`, `-ycx`."""
    if text.startswith("--"):
        name, equals, value = text.partition("=")
        option = _whole(name) if equals else None
        if option:
            yield option, value
        return
    letter = _value_letter(text)
    if letter is not None:
        yield f"-{text[letter]}", text[letter + 1 :].removeprefix("=")
