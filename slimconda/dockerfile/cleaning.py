"""Owns the clean that a RUN lacks: its words, and where it goes."""

import posixpath
import re
from collections.abc import Iterator

from slimconda.dockerfile.analysis import Analysis
from slimconda.dockerfile.caches import Install, RunLayer, Verdict
from slimconda.dockerfile.conda import CONDA_ENV, CondaCommand, Tool
from slimconda.dockerfile.insertion import NoPlaceError, find_link, insert_at
from slimconda.dockerfile.installers import default_prefix, installer_prefix
from slimconda.dockerfile.spots import Spot, spots_of
from slimconda.dockerfile.trial import left_after
from slimconda.dockerfile.wrappers import environment_words
from slimconda.findings import Fix
from slimconda.source import Edit, Span

LEAVES = re.compile(r"\b(?:remove|uninstall|rm|mv|cd)\b")
MOST_CLEANS = 8
FORCE = "--force-pkgs-dirs"  # removes linked packages, too
# Variables that no clean reads.
OTHERS = re.compile(r"(?:DEBIAN_FRONTEND|MAKEFLAGS|PIP_\w+)=")
# A path that a word of its own can call a program in.
PREFIX = re.compile(r"[/~]|\$\w|\$\{\w+\}|\w[\w./-]*\Z")


def uncleaned(layer: RunLayer) -> list[Install]:
    """Return the installs whose whole cache stays in the layer."""
    return [install for install in layer.installs if install.verdict is Verdict.LEFT]


def missing_clean(layer: RunLayer, analysis: Analysis) -> Edit:
    """Return the one edit that makes a RUN clean after its installs; raises NoPlaceError where it takes several."""
    edits = missing_cleans(layer, analysis)
    if len(edits) > 1:
        raise NoPlaceError("it takes several cleans")
    return edits[0]


def missing_cleans(layer: RunLayer, analysis: Analysis) -> tuple[Edit, ...]:
    """Return the edits after which a RUN leaves nothing of its uncleaned installs, whatever its path.

    One clean serves all installs before it where it can; branches get their own. Raises NoPlaceError.
    """
    refuse_useless(analysis)
    left = uncleaned(layer)
    edits: list[Edit] = []
    while left:
        if len(edits) == MOST_CLEANS:
            raise NoPlaceError(f"it takes more than {MOST_CLEANS} cleans")
        edits.append(_clean_of_last(left, edits, layer, analysis))
        # The last one was tried with these edits just now.
        left = left_after(edits, left[:-1], layer, analysis) if len(left) > 1 else []
    return tuple(sorted(edits))


def _clean_of_last(left: list[Install], edits: list[Edit], layer: RunLayer, analysis: Analysis) -> Edit:
    """Return the edit that cleans after the last of some installs, and after as many others as it can."""
    reason = NoPlaceError("a path around the clean would stay")
    for place in spots_of(layer, left[-1].conda.command):
        for group in _groups(left, place, layer):
            try:
                words = _words(group, analysis)
                several = len(group) > 1  # The last one may fail where the others did not.
                edit = insert_at(place, layer, words, analysis.dockerfile, always=several)
            except NoPlaceError as error:
                reason = error
                continue
            overlaps = any(edit.span.overlaps(other.span) for other in edits)
            if not overlaps and not left_after([*edits, edit], left[-1:], layer, analysis):
                return edit
    raise reason


def _groups(left: list[Install], place: Spot, layer: RunLayer) -> Iterator[list[Install]]:
    """Yield the installs that a clean at a place may serve: all that stand in its list, then the last one alone."""
    beside = [
        install
        for install in left
        if any(other.siblings is place.siblings for other in spots_of(layer, install.conda.command))
    ]
    yield beside
    if len(beside) > 1:
        yield left[-1:]


def _words(group: list[Install], analysis: Analysis) -> str:
    installs = [install.conda for install in group]
    chosen = _one_per_cache(installs)
    for conda in chosen:
        _refuse_vanished(conda, installs[-1], analysis)
    arguments = analysis.clean_arguments or analysis.config.clean_arguments
    return " && ".join(clean_words(conda, arguments, analysis) for conda in chosen)


def refuse_unsafe(analysis: Analysis) -> None:
    """Raise NoPlaceError where a whole clean could break the build: a conda without `--all`, or work from the cache."""
    if analysis.refusal:
        raise NoPlaceError(analysis.refusal)


def refuse_useless(analysis: Analysis) -> None:
    """Raise NoPlaceError where no flags of a clean empty the cache without breaking the build."""
    if analysis.cache_use or analysis.clean_arguments is None:
        refuse_unsafe(analysis)


def _refuse_vanished(conda: CondaCommand, last: CondaCommand, analysis: Analysis) -> None:
    """Raise NoPlaceError where a tool may be gone, or elsewhere, by the time that the last install has run."""
    if conda is last:
        return
    between = analysis.dockerfile.source.text(Span(conda.command.span.end, last.command.span.start))
    if LEAVES.search(between) or re.match(r"[^/~$]+/", _cleaner(conda, analysis)[0]):
        raise NoPlaceError("the tool may be gone by then")


def _one_per_cache(installs: list[CondaCommand]) -> list[CondaCommand]:
    """Return the command whose tool cleans for each cache: mamba's reads conda's layout and its own nested one.

    Source: mamba 2.6 nests its cache below pkgs, where conda's clean does not look.
    """
    micromamba = [conda for conda in installs if conda.tool is Tool.MICROMAMBA]
    shared = [conda for conda in installs if conda.tool is not Tool.MICROMAMBA]
    mamba = [conda for conda in shared if conda.tool is Tool.MAMBA]
    conda = [conda for conda in shared if conda.tool is Tool.CONDA]
    return [chosen[-1] for chosen in (mamba or conda or shared, micromamba) if chosen]


def forced(layer: RunLayer, clean: CondaCommand, analysis: Analysis) -> Fix | None:
    """Return the fix that gives a clean the force flag; None where it has it, or where that could break the build."""
    if clean.clean is None or clean.clean.unknown or clean.clean.letters & {"d", "h", "c", "f"}:
        return None
    try:
        refuse_unsafe(analysis)
        find_link(layer, clean.command)
    except NoPlaceError:
        return None
    end = clean.place.end
    yes = "" if clean.clean.yes else " --yes"
    return Fix(f"remove the package cache: {FORCE}", (Edit(Span(end, end), f" {FORCE}{yes}".encode()),))


def clean_words(conda: CondaCommand, arguments: str, analysis: Analysis) -> str:
    """Return the clean that empties a command's cache, called by the same words; raises NoPlaceError."""
    assigned = [word for word in conda.command.assignments if not OTHERS.match(word.text)]
    before = [*assigned, *environment_words(conda.read, conda.at)]
    tool = _cleaner(conda, analysis)
    words = [*(word.raw for word in before), *tool, "clean", arguments, *_force(conda, arguments)]
    if any("\n" in word for word in words):
        raise NoPlaceError("the tool's words span lines")
    return " ".join(words)


def _force(conda: CondaCommand, arguments: str) -> list[str]:
    """Return the force flag where `--all` alone keeps whole packages: mamba's, of copies (run on 2.8: 96 MB of 201).

    micromamba and mamba 2 have the flag; mamba 1 takes conda's flags, it is among them since 4.6. conda removes copies
    without it.
    """
    missing = conda.copies and conda.tool in {Tool.MAMBA, Tool.MICROMAMBA} and "force" not in arguments
    return [FORCE] if missing else []


def _cleaner(conda: CondaCommand, analysis: Analysis) -> list[str]:
    """Return the words that call the tool which cleans after a command."""
    if conda.tool is Tool.INSTALLER:
        return [_installed_conda(conda, analysis)]
    if conda.tool is Tool.CONDA_LOCK:
        raise NoPlaceError("conda-lock installs by a tool that is not named here")
    return (
        [conda.tool.value] if conda.configured else [word.raw.replace(CONDA_ENV, "conda") for word in conda.tool_words]
    )


def _installed_conda(conda: CondaCommand, analysis: Analysis) -> str:
    prefix = installer_prefix(conda.arguments)
    home = _default_prefix(conda.tool_words[-1].text, analysis) if prefix is None else None
    if home and not environment_words(conda.read, conda.at) and not conda.command.assignments:
        return f"{home}/bin/conda"
    if prefix is None or not PREFIX.match(prefix.text):
        raise NoPlaceError("the installer's prefix is not given")
    return f"{prefix.raw.rstrip('/')}/bin/conda"


def _default_prefix(file: str, analysis: Analysis) -> str | None:
    """Return where an installer installs to without -p: by its name, or by that of the URL it was renamed from."""
    name = posixpath.basename(file)
    urls = [
        fetched.download.url
        for layer in analysis.all_layers
        for fetched in layer.fetched
        if fetched.download.name == name
    ]
    prefixes = {default_prefix(url) for url in urls}
    return default_prefix(name) or (prefixes.pop() if len(prefixes) == 1 else None)
