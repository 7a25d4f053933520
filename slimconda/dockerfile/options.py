"""Owns the option or variable that an install by pip, uv or conda lacks: where it goes."""

from slimconda.dockerfile.caches import RunLayer
from slimconda.dockerfile.conda import CondaCommand
from slimconda.dockerfile.python_tools import PythonInstall
from slimconda.dockerfile.scripts import Form
from slimconda.dockerfile.shell import ShellCommand
from slimconda.source import Edit, Span


def added_option(layer: RunLayer, install: PythonInstall, option: str) -> Edit | None:
    """Return the edit that gives an install one more option, right after its verb; None where words are JSON's."""
    if _is_exec_form(layer, install.command):
        return None
    end = install.verb.span.end
    return Edit(Span(end, end), f" {option}".encode())


def added_variable(layer: RunLayer, call: CondaCommand, assignment: str) -> Edit | None:
    """Return the edit that sets a variable for one command; None behind a wrapper, which may drop it, or in JSON."""
    if call.at > 0 or _is_exec_form(layer, call.command):
        return None
    start = call.command.span.start
    return Edit(Span(start, start), f"{assignment} ".encode())


def _is_exec_form(layer: RunLayer, command: ShellCommand) -> bool:
    return layer.run.form is Form.EXEC and command in layer.run.script.body.items
