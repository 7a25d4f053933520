"""Finds installs whose layer keeps the whole package cache."""

from collections.abc import Iterator
from itertools import islice

from slimconda.dockerfile.analysis import Analysis
from slimconda.dockerfile.caches import RunLayer
from slimconda.dockerfile.cleaning import missing_cleans, uncleaned
from slimconda.dockerfile.insertion import NoPlaceError
from slimconda.findings import Fix, Problem


def check_dockerfile(analysis: Analysis) -> Iterator[Problem]:
    """Yield each install that no clean follows in its RUN; all of one RUN share one fix."""
    numbers = {id(layer): number for number, layer in enumerate(analysis.layers)}
    for layer in analysis.wasteful_layers:
        installs = [install for install in uncleaned(layer) if analysis.ships(layer, install.cache)]
        fix, unfixable = _fix(layer, analysis, numbers[id(layer)]) if installs else (None, None)
        for install in installs:
            message = f"{install.conda.title} leaves its package cache in this layer"
            yield Problem(message, install.conda.place, fix, layer.stage.label, unfixable)


def _fix(layer: RunLayer, analysis: Analysis, number: int) -> tuple[Fix | None, str | None]:
    """Return the fix of a layer by its number, or why there is none."""
    try:
        edits = missing_cleans(layer, analysis)
    except NoPlaceError as error:
        return None, str(error)
    later = _next_install(layer, analysis, islice(analysis.layers, number + 1, None))
    cost = f"; the install in line {later.instruction.start_line} loads the index again" if later else ""
    return Fix(f"clean the package cache in the same RUN{cost}", edits), None


def _next_install(layer: RunLayer, analysis: Analysis, later: Iterator[RunLayer]) -> RunLayer | None:
    """Return the first of the later RUNs on top of a layer that installs from the same cache.

    What a clean costs it is the index: of packages it keeps the linked ones (conda 26.7 and mamba 2.8, run).
    """
    caches = [install.cache for install in uncleaned(layer)]
    for other in later:
        shared = any(not install.cache.is_other_than(cache) for install in other.installs for cache in caches)
        if shared and layer.stage in analysis.stages.lineage(other.stage):
            return other
    return None
