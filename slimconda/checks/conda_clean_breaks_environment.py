"""Finds cleans that delete the targets of an environment's soft links."""

from collections.abc import Iterator

from slimconda.dockerfile.analysis import Analysis
from slimconda.dockerfile.caches import Install, RunLayer, Verdict
from slimconda.dockerfile.clean_flags import Kind
from slimconda.dockerfile.cleanups import emptied
from slimconda.dockerfile.fills import cleaned_by
from slimconda.dockerfile.linking import links_softly
from slimconda.findings import Problem
from slimconda.source import Span


def check_dockerfile(analysis: Analysis) -> Iterator[Problem]:
    """Yield each clean, in any stage, after an install that surely links its packages softly."""
    linked: list[tuple[RunLayer, Install]] = []
    for layer in analysis.all_layers:
        lineage = analysis.stages.lineage(layer.stage)
        earlier = [install for other, install in linked if other.stage in lineage]
        own = [install for install in layer.installs if links_softly(install, layer)]
        for name, place in _breaking(layer, earlier, own):
            message = f"{name} breaks the environment: its files are soft links into the package cache"
            yield Problem(message, place, None, layer.stage.label)
        linked += [(layer, install) for install in own]


def _breaking(layer: RunLayer, earlier: list[Install], own: list[Install]) -> Iterator[tuple[str, Span]]:
    """Yield what deletes extracted packages that an install before it has linked."""
    for clean in layer.cleans:
        before = [*earlier, *_before(own, clean.place.start)]
        context = layer.holds_at(clean)
        if any(Kind.EXTRACTED in (cleaned_by(clean, one.conda, one.cache, context) or ()) for one in before):
            yield clean.title, clean.place
    for command in layer.removals:
        before = [*earlier, *_before(own, command.span.start)]
        if any(Kind.EXTRACTED in (emptied(command, one.cache, layer.context) or ()) for one in before):
            yield "this removal", command.span


def _before(own: list[Install], start: int) -> list[Install]:
    """Return the installs of the same RUN that come first, and that a clean follows on every path."""
    cleaned = {Verdict.CLEANED, Verdict.INCOMPLETE}
    return [one for one in own if one.conda.place.start < start and one.verdict in cleaned]
