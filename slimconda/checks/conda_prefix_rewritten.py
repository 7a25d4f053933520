"""Finds commands that give a whole conda prefix of a lower layer other owners or modes, and so store it again."""

import re
from collections.abc import Iterator

from slimconda.dockerfile.analysis import Analysis
from slimconda.dockerfile.caches import RunLayer
from slimconda.dockerfile.prefixes import UNKNOWN_ROOT, Prefix, Step
from slimconda.dockerfile.sweeps import FIX_PERMISSIONS, Sweep, rewriting
from slimconda.findings import Problem

# The folders of a prefix that hold most of its bytes, whatever is in it.
LIBRARIES = re.compile(r"(?P<prefix>.+)/lib(?:/python\d\.\d+(?:/site-packages)?)?")


def check_dockerfile(analysis: Analysis) -> Iterator[Problem]:
    """Yield each recursive chown, chmod, chgrp or the like over a prefix that a lower layer stores."""
    for step in analysis.steps:
        for command in step.layer.read.commands:
            sweep = rewriting(command, step.layer.context_at(command)) if step.layer.runs(command) else None
            found = _rewritten(step, sweep) if sweep else None
            if sweep and found and not (sweep.title == FIX_PERMISSIONS and _is_fixed(step, found[1])):
                yield Problem(_message(sweep, *found), sweep.place, None, step.layer.stage.label)


def _rewritten(step: Step, sweep: Sweep) -> tuple[str, Prefix] | None:
    """Return the first prefix that is written again, with the path to call it by."""
    for path in sweep.paths:
        library = LIBRARIES.fullmatch(path)
        prefix = step.below(path) or (step.below(library["prefix"]) if library else None)
        if prefix:
            named = path if library or prefix.path.startswith(UNKNOWN_ROOT) else prefix.path
            return named, prefix
    return None


def _is_fixed(step: Step, prefix: Prefix) -> bool:
    """Tell whether a lower layer ended with the same `fix-permissions`: it leaves alone what is right already.

    Source: jupyter/docker-stacks' script, which looks for files without the group and the mode.
    """
    for layer in reversed(step.earlier):
        fixed = max((sweep.place.start for sweep in _fixes(layer, prefix)), default=-1)
        filled = max((call.place.start for call in layer.calls if call.fills), default=-1)
        if max(fixed, filled) >= 0:
            return fixed > filled
    return False


def _fixes(layer: RunLayer, prefix: Prefix) -> Iterator[Sweep]:
    probe = Step(layer, (prefix,), (), ())
    for command in layer.read.commands:
        sweep = rewriting(command, layer.context_at(command))
        if sweep and sweep.title == FIX_PERMISSIONS and any(map(probe.below, sweep.paths)):
            yield sweep


def _message(sweep: Sweep, path: str, prefix: Prefix) -> str:
    remedies = {
        "RUN": f"{prefix.origin} installs them, do it there",
        "COPY": f"{prefix.origin} copies them, say it there by --chown or --chmod",
        "FROM": "they came with the base image",
    }
    return f"{sweep.title} stores the files of {path} again: {remedies[prefix.keyword]}"
