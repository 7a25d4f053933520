"""Owns whether an image uses one environment alone, so that conda itself is along for nothing."""

import re
from dataclasses import dataclass

from slimconda.dockerfile.analysis import Analysis
from slimconda.dockerfile.bases import base_image
from slimconda.dockerfile.caches import RunLayer
from slimconda.dockerfile.conda import CondaCommand, Tool, Verb
from slimconda.dockerfile.installers import is_installer_name
from slimconda.dockerfile.parser import Stage
from slimconda.dockerfile.specs import parse_spec
from slimconda.dockerfile.start import paths, shipped_line, start_words

CONDA_IMAGE = re.compile(r"continuumio/(?:mini|ana)conda[23]?|condaforge/(?:miniforge3?|mambaforge)")
CREATES = frozenset({Verb.CREATE, Verb.ENV_CREATE})
NEEDS_NO_CONDA_LATER = frozenset({"activate", "config", "deactivate", "info", "init", "list", "run"})
# What is put into the base environment only to make the other one.
CONDA_ITSELF = frozenset("conda conda-libmamba-solver conda-lock conda-pack libmamba mamba".split())
# It may start at a word's start alone, or a long word is read again from each of its letters.
SCRIPT = re.compile(r"(?<![^\s\"';&|()])[^\s\"';&|()]+\.sh\b")
CONDA_SCRIPT = re.compile(r".*/(?:conda|mamba)\.sh")
SHELLS = frozenset({"ash", "bash", "dash", "sh", "zsh"})
PROGRAMS = frozenset({"activate", "conda", "mamba", "micromamba"})


@dataclass(frozen=True)
class SoleEnvironment:
    """The command that makes the only environment of an image, in its layer; `line` are the image's own stages."""

    layer: RunLayer
    call: CondaCommand
    line: tuple[Stage, ...]


def sole_environment(analysis: Analysis) -> SoleEnvironment | None:
    """Return the only environment, where the whole Dockerfile shows that all which runs later is in it."""
    line = shipped_line(analysis.stages)
    layers = [layer for layer in analysis.layers if layer.stage in line]
    if not layers or any(layer.opaque for layer in layers) or _runs_scripts(line, analysis):
        return None
    calls = [(layer, call) for layer in layers for call in layer.calls]
    created = [(layer, call) for layer, call in calls if call.verb in CREATES]
    if (
        len(created) != 1
        or not all(_allows(call, created[0][1]) for _, call in calls)
        or not _has_conda(line, analysis)
    ):
        return None
    layer, call = created[0]
    return SoleEnvironment(layer, call, line) if _starts_in(call, line) else None


def _runs_scripts(line: tuple[Stage, ...], analysis: Analysis) -> bool:
    """Tell whether a RUN calls a script that is not seen, which may need conda."""
    texts = [
        analysis.dockerfile.source.text(instruction.span)
        for stage in line
        for instruction in stage.instructions
        if instruction.keyword == "RUN"
    ]
    installers = {fetched.download.name for layer in analysis.layers for fetched in layer.fetched}
    names = [name for text in texts for name in SCRIPT.findall(text) if name.rpartition("/")[2] not in installers]
    return not all(is_installer_name(name) or CONDA_SCRIPT.fullmatch(name) for name in names)


def _allows(call: CondaCommand, created: CondaCommand) -> bool:
    """Tell whether a call leaves it at one environment: it comes with conda, tidies up, or only uses it."""
    if call is created or call.tool is Tool.INSTALLER or call.verb is Verb.CLEAN:
        return True
    if call.subcommand in NEEDS_NO_CONDA_LATER:
        return True
    if call.verb is Verb.INSTALL and "$" not in (call.environment or "$") and call.environment == created.environment:
        return True
    specs = [parse_spec(word.text) for word in call.packages]
    own = bool(specs) and all(spec is not None and spec.name in CONDA_ITSELF for spec in specs)
    return own and call.place.start < created.place.start


def _has_conda(line: tuple[Stage, ...], analysis: Analysis) -> bool:
    if CONDA_IMAGE.fullmatch(base_image(analysis.stages, line[0]).repository):
        return True
    return any(
        install.conda.tool is Tool.INSTALLER
        for layer in analysis.layers
        for install in layer.installs
        if layer.stage in line
    )


def _starts_in(created: CondaCommand, line: tuple[Stage, ...]) -> bool:
    """Tell whether the image surely starts in the environment, and needs conda for no more than `conda run`."""
    words = start_words(line)
    names = [word.rpartition("/")[2] for word in words]
    if {name for name in names if not name.startswith("-")} <= SHELLS or any(SCRIPT.search(word) for word in words):
        return False
    runs = [at for at, name in enumerate(names) if name in PROGRAMS]
    if runs:
        return len(runs) == 1 and names[runs[0] + 1 : runs[0] + 2] == ["run"]
    named = created.environment or ""
    folder = named if "/" in named else f"/envs/{named}" if "$" not in named else "/envs/"
    if any("/bin/" in word and "conda" in word and folder not in word for word in words):
        return False
    return any(folder in text for text in (*words, *paths(line)) if "$(" not in text)
