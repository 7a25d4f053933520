"""Finds installs whose layer keeps the whole package cache."""

from collections.abc import Iterator

from slimconda.dockerfile.analysis import Analysis
from slimconda.dockerfile.caches import RunLayer
from slimconda.dockerfile.cleaning import missing_clean, uncleaned
from slimconda.dockerfile.insertion import NoPlaceError
from slimconda.findings import Fix, Problem


def check_dockerfile(analysis: Analysis) -> Iterator[Problem]:
    """Yield each install that no clean follows in its RUN; all of one RUN share one fix."""
    for layer in analysis.wasteful_layers:
        installs = uncleaned(layer)
        fix = _fix(layer, analysis) if installs else None
        for install in installs:
            message = f"{install.conda.title} leaves its package cache in this layer"
            yield Problem(message, install.conda.place, fix, layer.stage.label)


def _fix(layer: RunLayer, analysis: Analysis) -> Fix | None:
    try:
        return Fix("clean the package cache in the same RUN", (missing_clean(layer, analysis),))
    except NoPlaceError:
        return None
