"""Finds images that carry conda beside the one environment that they use."""

from collections.abc import Iterator

from slimconda.dockerfile.analysis import Analysis
from slimconda.dockerfile.sole_environment import sole_environment
from slimconda.findings import Problem


def check_dockerfile(analysis: Analysis) -> Iterator[Problem]:
    """Yield the command that makes the only environment, where all that runs later is in it."""
    found = sole_environment(analysis)
    if found:
        message = "conda itself ships beside the one environment in use: copy that out of a builder stage"
        yield Problem(message, found.call.place, None, found.layer.stage.label)
