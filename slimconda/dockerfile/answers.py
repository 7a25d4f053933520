"""Owns whether a command of conda's tools still asks: by its options, variables, a .condarc, or what is on its input.

Sources: conda 26.7 and 4.3, mamba and micromamba 2.8 run: in a RUN the input is empty, which means yes; but a clean of
mamba's with force repeats its question for ever.
"""

import re

from slimconda.dockerfile.caches import RunLayer
from slimconda.dockerfile.conda import CondaCommand
from slimconda.dockerfile.condarc import is_on, switched
from slimconda.dockerfile.dead_flags import dead_flags
from slimconda.dockerfile.fills import NESTED_CACHE_TOOLS
from slimconda.dockerfile.versions import CondaVersions

VARIABLES = ("CONDA_ALWAYS_YES", "MAMBA_ALWAYS_YES", "CONDA_YES", "MAMBA_YES")
# `--json` asks nothing, `--dry-run` and help do nothing; the letters are `-y`, `-d` and `-h`, alone or glued.
SILENT = re.compile(r"--ye?s?|--dry-run|--json|--help|--print-config-only|-[a-mo-zA-Z]*[ydh][a-zA-Z]*")
# mamba 2 came with Miniforge 24.9 or later.
FIRST_MAMBA_2 = (24, 9)


def may_be_answered(call: CondaCommand, layer: RunLayer) -> bool:
    """Tell whether a call asks nothing, or something may answer; True also where that is not known."""
    if call.configured or call.guessed or any(_is_silent(word.text) for word in call.arguments):
        return True
    variables = [layer.holds_at(call).variables.get(name) for name in VARIABLES]
    if any(value is not None and is_on(value) is not False for value in variables):
        return True
    if {"CONDARC", "MAMBARC"} & layer.holds_at(call).variables.keys():
        return True
    if switched(layer.context.switches, "always_yes", call.place.start) is not False:
        return True
    return id(call.command) in layer.run.script.fed


def _is_silent(text: str) -> bool:
    """Tell whether a word says not to ask, or may say so: a variable of an unknown value."""
    if text.startswith("$"):
        return True
    return SILENT.fullmatch(text) is not None and not re.match(r"-[cpr]", text)


def asks_for_ever(call: CondaCommand, layer: RunLayer, versions: CondaVersions) -> bool:
    """Tell whether a clean of mamba 2 or micromamba asks a question that an empty input does not answer."""
    if call.tool not in NESTED_CACHE_TOOLS or call.clean is None or "f" not in call.clean.letters:
        return False
    if call.tool == "mamba" and (versions.mamba_1 or versions.names_older_than(FIRST_MAMBA_2)):
        return False
    fails = call.clean.unknown or dead_flags(call, versions)
    return not (fails or call.clean.letters & {"y", "d", "h"} or may_be_answered(call, layer))
