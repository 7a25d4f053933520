"""Finds cleans with a flag that the tool does not have, so that they fail."""

from collections.abc import Iterator
from itertools import groupby

from slimconda.dockerfile.analysis import Analysis
from slimconda.dockerfile.caches import RunLayer
from slimconda.dockerfile.clean_flags import read_clean
from slimconda.dockerfile.cleaning import refuse_unsafe
from slimconda.dockerfile.conda import CondaCommand
from slimconda.dockerfile.dead_flags import DeadFlag, dead_flags
from slimconda.dockerfile.insertion import NoPlaceError
from slimconda.dockerfile.shell import Word
from slimconda.dockerfile.spelling import refuse_unwritten, respell, take_away
from slimconda.findings import Fix, Problem
from slimconda.source import Edit, Source

# Flags that only ever said what to empty besides, or nothing: a clean without them is what was meant.
DROPPED = frozenset({"-s", "--source-cache", "--unused-only", "--lock"})


def check_dockerfile(analysis: Analysis) -> Iterator[Problem]:
    """Yield each word of a clean, in any stage, that holds a flag which the tool does not have."""
    for layer in analysis.all_layers:
        for call in layer.cleans:
            dead = dead_flags(call, analysis.conda_versions)
            fix = _fix(layer, call, dead, analysis)
            for word, flags in groupby(dead, key=lambda flag: flag.word):
                yield Problem(_message(call, next(flags)), word.span, fix, layer.stage.label)


def _message(call: CondaCommand, flag: DeadFlag) -> str:
    since = f" since conda {flag.since[0]}.{flag.since[1]}" if flag.since else ""
    return f"{call.title} fails: it has no flag {flag.name}{since}"


def _fix(layer: RunLayer, call: CondaCommand, dead: tuple[DeadFlag, ...], analysis: Analysis) -> Fix | None:
    """Return the fix that drops the flags, all of a clean at once; none where one may have meant something."""
    if not dead or any(not any(dropped.startswith(flag.name) for dropped in DROPPED) for flag in dead):
        return None
    source = analysis.dockerfile.source
    words = [*dict.fromkeys(flag.word for flag in dead)]
    try:
        refuse_unsafe(analysis)
        refuse_unwritten(layer, words, source)
    except NoPlaceError:
        return None
    return Fix("drop the flag that fails", tuple(_without(call, words, dead, source)))


def _without(call: CondaCommand, words: list[Word], dead: tuple[DeadFlag, ...], source: Source) -> Iterator[Edit]:
    """Yield the edits that drop dead flags; where no target is left, the first becomes the one for everything."""
    kept = [_kept(word, dead) for word in call.arguments]
    complete = not read_clean([text for text in kept if text]).lacks_target
    for word in words:
        text = _kept(word, dead)
        if not complete:
            text = "--all" if word.text.startswith("--") else f"-a{text.lstrip('-')}"
        complete = True
        yield respell(word, text) if text else take_away(word, call.read.words, source)


def _kept(word: Word, dead: tuple[DeadFlag, ...]) -> str:
    """Return a word without its dead flags, empty where nothing is left of it."""
    flags = [flag for flag in dead if flag.word is word]
    if not flags:
        return word.text
    gone = {flag.letter for flag in flags}
    rest = "" if None in gone else "".join(letter for letter in word.text[1:] if letter not in gone)
    return f"-{rest}" if rest else ""
