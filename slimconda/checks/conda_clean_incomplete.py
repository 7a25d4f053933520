"""Finds cleans whose flags leave archives or the index cache of an install before them."""

import re
from collections.abc import Iterator

from slimconda.dockerfile.analysis import Analysis
from slimconda.dockerfile.caches import Install, RunLayer, Verdict
from slimconda.dockerfile.clean_flags import CLEAN_OPTIONS, Kind
from slimconda.dockerfile.cleaning import refuse_useless
from slimconda.dockerfile.conda import CondaCommand
from slimconda.dockerfile.dead_flags import dead_flags
from slimconda.dockerfile.shell import Word
from slimconda.dockerfile.spots import NoPlaceError, spots_of
from slimconda.dockerfile.trial import left_after
from slimconda.findings import Fix, Problem
from slimconda.source import Edit, Source, Span

TARGETS = frozenset("tips")
# What says that all is meant: as a short flag, and in words.
ALL = ("a", "--all")
BEFORE_ALL = ("tip", "--tarballs --index-cache --packages")


def check_dockerfile(analysis: Analysis) -> Iterator[Problem]:
    """Yield the last clean of each RUN in which every path leaves a part of the cache behind."""
    for layer in analysis.wasteful_layers:
        partial = [install for install in layer.installs if install.verdict is Verdict.INCOMPLETE]
        if not partial or not layer.cleans:
            continue
        left = sorted({kind for install in partial for kind in install.kinds} & {Kind.ARCHIVES, Kind.INDEX})
        clean = layer.cleans[-1]
        if _fails(clean, analysis):
            continue
        message = f"{clean.title} leaves the {' and the '.join(left)} with these flags"
        fix, unfixable = _fix(layer, partial, analysis)
        yield Problem(message, clean.place, fix, layer.stage.label, unfixable)


def _fails(clean: CondaCommand, analysis: Analysis) -> bool:
    """Tell whether a clean does not get as far as leaving a part: it lacks a target, or the tool lacks its flag."""
    return clean.clean is None or clean.clean.lacks_target or bool(dead_flags(clean, analysis.conda_versions))


def _fix(layer: RunLayer, partial: list[Install], analysis: Analysis) -> tuple[Fix | None, str | None]:
    """Return the fix that completes the flags in place, or why there is none."""
    try:
        title = "clean everything: " + ("-t -i -p" if analysis.lacks_all else "--all")
        return Fix(title, _completion(layer, partial, analysis)), None
    except NoPlaceError as error:
        return None, str(error)


def _completion(layer: RunLayer, partial: list[Install], analysis: Analysis) -> tuple[Edit, ...]:
    clean = layer.cleans[-1]
    if clean.clean is None or clean.clean.unknown or clean.clean.letters & {"d", "h", "c"}:
        raise NoPlaceError("the clean has flags of another kind")
    refuse_useless(analysis)
    if spots_of(layer, clean.command)[-1].trouble == "in exec form":
        raise NoPlaceError("in exec form")
    edits = tuple(_completed(clean, analysis.dockerfile.source, BEFORE_ALL if analysis.lacks_all else ALL))
    if left_after(edits, partial, layer, analysis):
        raise NoPlaceError("a path around the clean would stay")
    return edits


def _completed(clean: CondaCommand, source: Source, everything: tuple[str, str]) -> Iterator[Edit]:
    words = clean.arguments
    targets = [word for word in words if _letters(word) & TARGETS]
    yes = "" if clean.clean and clean.clean.yes else " --yes"
    if not targets:
        end = clean.place.end
        yield Edit(Span(end, end), f" {everything[1]}{yes}".encode())
        return
    yield _replaced(targets[0], everything)
    for word in targets[1:]:
        yield from _removed(word, source, words)
    if yes:
        yield Edit(Span(words[-1].span.end, words[-1].span.end), yes.encode())


def _letters(word: Word) -> frozenset[str]:
    if word.text.startswith("--"):
        return frozenset(letter for option, letter in CLEAN_OPTIONS.items() if option.startswith(word.text))
    return frozenset(word.text[1:]) if word.text.startswith("-") else frozenset()


def _replaced(word: Word, everything: tuple[str, str]) -> Edit:
    """Return the edit that makes a target flag say that everything is meant."""
    letters, words = everything
    return Edit(word.span, (words if word.text.startswith("--") else f"-{letters}{_others(word)}").encode())


def _removed(word: Word, source: Source, words: tuple[Word, ...]) -> Iterator[Edit]:
    """Yield the edit that takes a target flag away, where another one already says that everything is meant."""
    if rest := _others(word):
        yield Edit(word.span, f"-{rest}".encode())
    else:
        gap = Span(words[words.index(word) - 1].span.end, word.span.end)
        yield Edit(word.span if b"#" in source.read(gap) else gap, b"")


def _others(word: Word) -> str:
    """Return the letters of a flag that name no target."""
    return "" if word.text.startswith("--") else re.sub("[tips]", "", word.text[1:])
