"""Finds what keeps conda from reading an environment file.

Source: YAML 1.2 as PyYAML reads it, and conda's documentation of environment files.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from slimconda.findings import Problem

if TYPE_CHECKING:
    from slimconda.environments.file import EnvironmentFile


def check_environment(file: "EnvironmentFile") -> Iterator[Problem]:
    """Yield each mistake at its place."""
    for mistake in file.mistakes:
        yield Problem(mistake.message, mistake.span)
