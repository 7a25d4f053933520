"""Finds what makes Docker refuse the whole Dockerfile."""

from collections.abc import Iterator

from slimconda.dockerfile.analysis import Analysis
from slimconda.findings import Problem


def check_dockerfile(analysis: Analysis) -> Iterator[Problem]:
    """Yield each reason for which Docker's parser refuses the file."""
    for problem in analysis.dockerfile.problems:
        yield Problem(problem.message, problem.span)
