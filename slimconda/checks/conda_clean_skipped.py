"""Finds installs whose clean does not run on every path of the RUN."""

from collections.abc import Iterator

from slimconda.dockerfile.analysis import Analysis
from slimconda.findings import Problem


def check_dockerfile(analysis: Analysis) -> Iterator[Problem]:
    """Yield each install that some good paths of its RUN clean, and others do not."""
    for layer in analysis.wasteful_layers:
        for install in layer.installs:
            if install.kept.skipped and analysis.ships(layer, install.cache):
                message = f"{install.conda.title} leaves its package cache where this RUN ends without the clean"
                yield Problem(message, install.conda.place, None, layer.stage.label)
