"""Finds cleans that cannot reach the cache of the install before them."""

from collections.abc import Iterator

from slimconda.dockerfile.analysis import Analysis
from slimconda.dockerfile.caches import Missed
from slimconda.dockerfile.fills import Miss
from slimconda.findings import Problem


def check_dockerfile(analysis: Analysis) -> Iterator[Problem]:
    """Yield each clean of another place, or by a user who may not, after an install that nothing else cleans."""
    for layer in analysis.wasteful_layers:
        seen: set[int] = set()
        for missed in layer.missed:
            if id(missed.clean) not in seen:
                seen.add(id(missed.clean))
                yield Problem(_message(missed), missed.clean.place, None, layer.stage.label)


def _message(missed: Missed) -> str:
    if missed.why is Miss.FORBIDDEN:
        return f"{missed.clean.title} frees nothing: this user may not delete what root has installed"
    filled, cleaned = missed.install.cache.places, missed.cache.places
    places = f" empties {cleaned[0]}, not {filled[0]}" if filled and cleaned else " empties another package cache"
    return f"{missed.clean.title}{places}, which {missed.install.conda.title} has filled"
