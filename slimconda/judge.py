"""Owns which linter a file gets: a Dockerfile's, an environment file's, or that of a compose file's Dockerfiles."""

from slimconda.compose import is_compose_name
from slimconda.config import Config
from slimconda.findings import Report
from slimconda.inline import lint_inline
from slimconda.kinds import kind_of
from slimconda.linter import lint, lint_environment
from slimconda.source import Source


def lint_file(source: Source, config: Config) -> Report:
    """Return the report of a file by its sort; raises InputError where it is no text, empty or holds no Dockerfile."""
    if is_environment(source.path, source.data):
        return lint_environment(source, config)
    if is_compose(source.path):
        return lint_inline(source, config)
    return lint(source, config)


def is_environment(path: str, data: bytes) -> bool:
    """Tell whether a file describes a conda environment: by its name, else by its content."""
    return kind_of(path, data) is not None


def is_compose(path: str) -> bool:
    """Tell whether a file is a compose file, which may hold Dockerfiles inline."""
    return is_compose_name(path.rpartition("/")[2])
