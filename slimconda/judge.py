"""Owns which linter a file gets: a Dockerfile's, an environment file's, or that of a compose file's Dockerfiles."""

from slimconda.compose import is_compose_name
from slimconda.config import Config
from slimconda.findings import Report
from slimconda.inline import lint_inline
from slimconda.linter import lint, lint_environment
from slimconda.references import is_environment_name
from slimconda.source import Source


def lint_file(source: Source, config: Config) -> Report:
    """Return the report of a file by its sort; raises InputError where it is no text, empty or holds no Dockerfile."""
    if is_environment(source.path):
        return lint_environment(source, config)
    if is_compose(source.path):
        return lint_inline(source, config)
    return lint(source, config)


def is_environment(path: str) -> bool:
    """Tell whether a file describes a conda environment."""
    return is_environment_name(path.rpartition("/")[2])


def is_compose(path: str) -> bool:
    """Tell whether a file is a compose file, which may hold Dockerfiles inline."""
    return is_compose_name(path.rpartition("/")[2])
