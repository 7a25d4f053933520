"""Finds cleans without force where that keeps whole packages: copied ones of mamba's, and linked ones stored again."""

from collections.abc import Iterator

from slimconda.dockerfile.analysis import Analysis
from slimconda.dockerfile.caches import Install, RunLayer, Verdict
from slimconda.dockerfile.clean_flags import Kind
from slimconda.dockerfile.cleaning import forced
from slimconda.dockerfile.fills import NESTED_CACHE_TOOLS
from slimconda.dockerfile.linking import copies
from slimconda.dockerfile.prefixes import Step
from slimconda.dockerfile.stages import holds
from slimconda.dockerfile.stores import absolute
from slimconda.dockerfile.sweeps import FIX_PERMISSIONS, Sweep, rewriting
from slimconda.findings import Problem


def check_dockerfile(analysis: Analysis) -> Iterator[Problem]:
    """Yield the last clean of each RUN that keeps packages which were copied, or which a later RUN stores again."""
    swept = list(_swept(analysis))
    for layer in analysis.wasteful_layers:
        message = _message(layer, swept) if layer.cleans else None
        if message:
            clean = layer.cleans[-1]
            fix = forced(layer, clean, analysis)
            yield Problem(
                f"{clean.title} keeps {message}: only force removes them", clean.place, fix, layer.stage.label
            )


def _message(layer: RunLayer, swept: list[tuple[Step, Sweep]]) -> str | None:
    """Return which packages a layer's last clean keeps, to their cost; None where that costs nothing."""
    kept = [one for one in layer.installs if one.verdict is Verdict.CLEANED and Kind.LINKED in one.kinds]
    copied = [one for one in kept if one.conda.tool in NESTED_CACHE_TOOLS and copies(one, layer)]
    if copied and layer.cleans[-1].tool in NESTED_CACHE_TOOLS:
        return f"the packages that {copied[0].conda.title} copied"
    for step, sweep in swept:
        if layer in step.earlier and any(_lies_in(one, layer, sweep) for one in kept if not copies(one, layer)):
            return f"linked packages, which {sweep.title} in line {step.layer.instruction.start_line} stores once more"
    return None


def _swept(analysis: Analysis) -> Iterator[tuple[Step, Sweep]]:
    """Yield the commands that give whole folders other owners or modes: each name becomes a file of its own."""
    for step in analysis.steps:
        for command in step.layer.read.commands:
            sweep = rewriting(command, step.layer.context_at(command)) if step.layer.runs(command) else None
            if sweep and sweep.title != FIX_PERMISSIONS:  # which leaves alone what is right already
                yield step, sweep


def _lies_in(install: Install, layer: RunLayer, sweep: Sweep) -> bool:
    places = [absolute(place, layer.context) for place in install.cache.places]
    return bool(places) and all(any(holds(path, place) for path in sweep.paths) for place in places)
