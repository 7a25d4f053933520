"""Finds cleans that free nothing, because what they delete is already stored in an earlier layer."""

import re
from collections.abc import Iterator

from slimconda.dockerfile.analysis import Analysis
from slimconda.dockerfile.caches import RunLayer, Verdict
from slimconda.dockerfile.cleaning import missing_clean, missing_cleans, uncleaned
from slimconda.dockerfile.cleanups import emptied, mount_targets
from slimconda.dockerfile.forcing import forcing
from slimconda.dockerfile.insertion import NoPlaceError, find_link, insert_at, remove_commands
from slimconda.dockerfile.shell import ShellCommand
from slimconda.dockerfile.sweeps import removing
from slimconda.dockerfile.trial import left_after, tried
from slimconda.findings import Fix, Problem
from slimconda.source import Edit, Span

JOINT = re.compile(rb"[\s\\`]*(?:&&|;)[\s\\`]*")
CACHE = re.compile(r".*/pkgs(?:/.*)?")


Clean = tuple[str, Span, ShellCommand, bool]


def check_dockerfile(analysis: Analysis) -> Iterator[Problem]:
    """Yield each clean in a RUN that installs nothing, with an install in an earlier RUN of the same image."""
    layers = [layer for layer in analysis.layers if layer.stage.index in analysis.stages.final]
    earlier: list[RunLayer] = []
    seen: list[RunLayer] = []
    for layer in layers:
        if layer.installs:
            earlier.append(layer)
            seen.append(layer)
        if layer.installs or layer.opaque or any(mount_targets(layer.instruction)) or not seen:
            continue
        cleans = [*_cleans(layer), *_removals(layer, seen)]
        fix, unfixable = _fix(layer, cleans, earlier, seen[-1], analysis) if cleans else (None, None)
        for title, place, _, _ in cleans:
            message = f"{title} frees nothing here: the packages came in an earlier layer"
            yield Problem(message, place, fix, layer.stage.label, unfixable)
        if cleans:
            earlier = []


def _cleans(layer: RunLayer) -> Iterator[Clean]:
    """Yield the cleans: what to call each, its place, the command, and that it does nothing else."""
    return ((clean.title, clean.place, clean.command, True) for clean in layer.cleans)


def _removals(layer: RunLayer, seen: list[RunLayer]) -> Iterator[Clean]:
    """Yield the removals of a package cache that an earlier RUN has filled; the last says that of nothing else."""
    for command in layer.removals:
        sweep = removing(command, layer.context_at(command))
        installs = [install for earlier in seen for install in earlier.installs]
        filled = any(emptied(command, install.cache, layer.context_at(command)) for install in installs)
        caches = [CACHE.fullmatch(path) is not None for path in sweep.paths] if sweep else []
        if sweep and filled and layer.runs(command) and any(caches):
            yield sweep.title, sweep.place, command, all(caches)


def _fix(
    layer: RunLayer, cleans: list[Clean], earlier: list[RunLayer], last: RunLayer, analysis: Analysis
) -> tuple[Fix | None, str | None]:
    """Return the fix that moves the cleans to where the installs are, or why one of them cannot be cleaned there.

    `last` is the last RUN before them that installs.
    """
    if not all(alone for _, _, _, alone in cleans):
        return None, "it removes something else, too"
    verdicts = {install.verdict for other in earlier for install in other.installs}
    if not verdicts <= {Verdict.LEFT, Verdict.CLEANED}:
        return None, "an install is cleaned on some paths"
    removals = [command for _, _, command, _ in cleans if removing(command, layer.context_at(command))]
    try:
        own = [_moved(removals[-1], layer, last, analysis)] if removals else forcing(layer, last, analysis)
        added = [edit for other in earlier if other is not last or not own for edit in _cleaned(other, analysis)]
        added += own
        removed = remove_commands(layer, [command for _, _, command, _ in cleans], analysis.dockerfile)
    except NoPlaceError as error:
        return None, str(error)
    return Fix("clean where the packages are installed", (*added, *removed)), None


def _cleaned(layer: RunLayer, analysis: Analysis) -> tuple[Edit, ...]:
    return missing_cleans(layer, analysis) if uncleaned(layer) else ()


def _moved(removal: ShellCommand, layer: RunLayer, last: RunLayer, analysis: Analysis) -> Edit:
    """Return the edit that runs a removal at the end of the last install's chain instead; raises NoPlaceError.

    A clean would not do in its place: it keeps linked packages, and what the base image has in the cache.
    """
    if removing(removal, last.context) != removing(removal, layer.context_at(removal)):
        raise NoPlaceError("its words mean something else there")
    if last.context.user != layer.context.user or removal.assignments or removal.redirects:
        raise NoPlaceError("it may not run there")
    words = " ".join(word.raw for word in removal.words)
    edit = _after_clean(words, last, analysis) if uncleaned(last) else _after_all(words, last, analysis)
    if tried(last, [edit], analysis, words) is None or left_after([edit], uncleaned(last), last, analysis, words):
        raise NoPlaceError("a path around it would stay")
    return edit


def _after_all(words: str, last: RunLayer, analysis: Analysis) -> Edit:
    """Return the edit that runs words after all installs and cleans of a RUN."""
    ends = [call.command for call in (*last.cleans, *(install.conda for install in last.installs))]
    return insert_at(find_link(last, max(ends, key=lambda one: one.span.end)), last, words, analysis.dockerfile)


def _after_clean(words: str, last: RunLayer, analysis: Analysis) -> Edit:
    """Return the edit that cleans a RUN as conda-cache-left does, and then runs words, tied in the same way.

    Whichever of the two rules comes first, the text ends the same.
    """
    find_link(last, uncleaned(last)[-1].conda.command)
    edit = missing_clean(last, analysis)
    joint = JOINT.match(edit.text)
    if joint is None or edit.span.start < edit.span.end:
        raise NoPlaceError("it may not run there")
    return Edit(edit.span, edit.text + joint[0] + words.encode("utf-8", "surrogateescape"))
