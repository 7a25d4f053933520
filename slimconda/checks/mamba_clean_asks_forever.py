"""Finds cleans of mamba and micromamba whose question is repeated for ever, so that the build never ends."""

from collections.abc import Iterator

from slimconda.dockerfile.analysis import Analysis
from slimconda.dockerfile.answers import asks_for_ever
from slimconda.dockerfile.caches import RunLayer
from slimconda.dockerfile.conda import CondaCommand
from slimconda.dockerfile.insertion import NoPlaceError
from slimconda.dockerfile.spelling import put_after, refuse_unwritten
from slimconda.findings import Fix, Problem
from slimconda.source import Source


def check_dockerfile(analysis: Analysis) -> Iterator[Problem]:
    """Yield each clean with force that nothing answers, in any stage."""
    for layer in analysis.all_layers:
        for call in layer.cleans:
            if asks_for_ever(call, layer, analysis.conda_versions):
                message = f"{call.title} with force and without --yes asks for ever: the build never ends"
                fix = _fix(layer, call, analysis.dockerfile.source)
                yield Problem(message, call.place, fix, layer.stage.label)


def _fix(layer: RunLayer, call: CondaCommand, source: Source) -> Fix | None:
    last = call.read.words[-1]
    try:
        refuse_unwritten(layer, [last], source)
    except NoPlaceError:
        return None
    return Fix("answer with --yes", (put_after(last, "--yes"),))
