"""Owns the option that an install by pip or uv lacks: where it goes."""

from slimconda.dockerfile.caches import RunLayer
from slimconda.dockerfile.python_tools import PythonInstall
from slimconda.dockerfile.scripts import Form
from slimconda.source import Edit, Span


def added_option(layer: RunLayer, install: PythonInstall, option: str) -> Edit | None:
    """Return the edit that gives an install one more option, right after its verb; None where words are JSON's."""
    if layer.run.form is Form.EXEC and install.command in layer.run.script.body.items:
        return None
    end = install.verb.span.end
    return Edit(Span(end, end), f" {option}".encode())
