"""Finds options that stand before conda's subcommand, where conda does not take them.

Source: conda 26.7 run: `conda -y install` and `conda -q clean` end with exit code 2, the allowed ones do not.
"""

import re
from collections.abc import Iterator

from slimconda.dockerfile.analysis import Analysis
from slimconda.dockerfile.caches import RunLayer
from slimconda.dockerfile.conda import CondaCommand, Tool
from slimconda.dockerfile.conda_options import value_option
from slimconda.dockerfile.insertion import NoPlaceError
from slimconda.dockerfile.shell import Word
from slimconda.dockerfile.spelling import put_after, refuse_unwritten, take_away
from slimconda.findings import Fix, Problem
from slimconda.source import Edit, Source, Span

# The last two are newer than what was run, and not certain.
ALLOWED = ("--verbose", "--json", "--debug", "--no-plugins", "--help", "--version", "--trace", "--console")
ALLOWED_LETTERS = re.compile(r"-[vhV]+")
COMMANDS = frozenset(
    "install create update upgrade remove uninstall clean env config info list search package rename export".split()
)
# What each of them takes in every version.
MOVABLE = frozenset({"-y", "--yes", "-q", "--quiet"})
MOVABLE_TO_PACKAGES = frozenset(
    "-n --name -p --prefix -c --channel --override-channels --file -d --dry-run --no-deps".split()
)
TAKING_PACKAGES = frozenset({"install", "create", "update", "upgrade", "remove", "uninstall"})


def check_dockerfile(analysis: Analysis) -> Iterator[Problem]:
    """Yield each call of conda, in any stage, with options before its subcommand that it does not take there."""
    source = analysis.dockerfile.source
    for layer in analysis.all_layers:
        for call in layer.calls:
            wrong = _refused(call)
            if wrong:
                message = f"conda fails: {_options(wrong)} must stand after {call.subcommand!r}"
                place = Span(wrong[0].span.start, wrong[-1].span.end)
                yield Problem(message, place, _fix(layer, call, wrong, source), layer.stage.label)


def _refused(call: CondaCommand) -> list[Word]:
    """Return the options that conda refuses before the subcommand, with their values."""
    if call.tool is not Tool.CONDA or call.configured or call.guessed or call.subcommand not in COMMANDS:
        return []
    found: list[Word] = []
    for number, word in enumerate(call.leading):
        value = number > 0 and value_option(call.leading[number - 1].text) is not None
        if (value and found) or (not value and _is_refused(word)):
            found.append(word)
    return found


def _is_refused(word: Word) -> bool:
    if not word.text.startswith("-") or ALLOWED_LETTERS.fullmatch(word.text):
        return False
    return not any(option.startswith(word.text.partition("=")[0]) for option in ALLOWED)


def _options(words: list[Word]) -> str:
    return " ".join(word.text for word in words if word.text.startswith("-"))


def _fix(layer: RunLayer, call: CondaCommand, wrong: list[Word], source: Source) -> Fix | None:
    """Return the fix that moves the options behind the subcommand, where every conda takes them there."""
    known = MOVABLE | (MOVABLE_TO_PACKAGES if call.subcommand in TAKING_PACKAGES else frozenset())
    if call.subcommand not in TAKING_PACKAGES | {"clean"} or not all(
        word.text in known for word in wrong if word.text.startswith("-")
    ):
        return None
    try:
        refuse_unwritten(layer, (*call.leading, *call.subcommand_words), source)
    except NoPlaceError:
        return None
    return Fix("move the options behind the subcommand", tuple(_moved(call, wrong, source)))


def _moved(call: CondaCommand, wrong: list[Word], source: Source) -> Iterator[Edit]:
    yield put_after(call.subcommand_words[-1], " ".join(word.text for word in wrong))
    for word in wrong:
        yield take_away(word, call.read.words, source)
