"""Owns the clean that a RUN lacks: its words, and where it goes."""

import re

from slimconda.dockerfile.analysis import Analysis
from slimconda.dockerfile.caches import Install, RunLayer, Verdict
from slimconda.dockerfile.conda import CondaCommand, Tool
from slimconda.dockerfile.insertion import NoPlaceError, find_link, insert_after
from slimconda.dockerfile.installers import installer_prefix
from slimconda.dockerfile.shell import Word
from slimconda.dockerfile.wrappers import environment_words
from slimconda.findings import Fix
from slimconda.source import Edit, Span

LEAVES = re.compile(r"\b(?:remove|uninstall|rm|mv|cd)\b")


def uncleaned(layer: RunLayer) -> list[Install]:
    """Return the installs whose whole cache stays in the layer."""
    return [install for install in layer.installs if install.verdict is Verdict.LEFT]


def missing_clean(layer: RunLayer, analysis: Analysis) -> Edit:
    """Return the edit that puts a clean right after the last uncleaned install; raises NoPlaceError."""
    refuse_unsafe(analysis)
    installs = [install.conda for install in uncleaned(layer)]
    chosen = _one_per_cache(installs)
    for conda in chosen:
        _refuse_vanished(conda, installs[-1], analysis)
    words = [clean_words(conda, analysis.config.clean_arguments) for conda in chosen]
    several = len(installs) > 1  # The last one may fail where the others did not.
    return insert_after(layer, installs[-1].command, " && ".join(words), analysis.dockerfile, always=several)


def refuse_unsafe(analysis: Analysis) -> None:
    """Raise NoPlaceError where a whole clean could break the build: a conda without `--all`, or work from the cache."""
    if analysis.refusal:
        raise NoPlaceError(analysis.refusal)


def _refuse_vanished(conda: CondaCommand, last: CondaCommand, analysis: Analysis) -> None:
    """Raise NoPlaceError where a tool may be gone, or elsewhere, by the time that the last install has run."""
    if conda is last:
        return
    between = analysis.dockerfile.source.text(Span(conda.command.span.end, last.command.span.start))
    if LEAVES.search(between) or re.match(r"[^/~$]+/", conda.tool_words[0].text):
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
    return Fix(
        "remove the package cache: --force-pkgs-dirs", (Edit(Span(end, end), f" --force-pkgs-dirs{yes}".encode()),)
    )


def clean_words(conda: CondaCommand, arguments: str) -> str:
    """Return the clean that empties a command's cache, called by the same words; raises NoPlaceError."""
    before = [*conda.command.assignments, *environment_words(conda.read, conda.at)]
    tool = _cleaner(conda)
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
    return ["--force-pkgs-dirs"] if missing else []


def _cleaner(conda: CondaCommand) -> list[str]:
    """Return the words that call the tool which cleans after a command."""
    if conda.tool is Tool.INSTALLER:
        return [_installed_conda(conda)]
    if conda.tool is Tool.CONDA_LOCK:
        raise NoPlaceError("conda-lock installs by a tool that is not named here")
    return [conda.tool.value] if conda.configured else [word.raw for word in conda.tool_words]


def _installed_conda(conda: CondaCommand) -> str:
    prefix = installer_prefix(conda.arguments)
    if prefix is None or not _is_absolute(prefix):
        raise NoPlaceError("the installer's prefix is not given")
    return f"{prefix.raw.rstrip('/')}/bin/conda"


def _is_absolute(prefix: Word) -> bool:
    return re.match(r"[/~]|\$\w|\$\{\w+\}", prefix.text) is not None
