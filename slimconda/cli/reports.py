"""Owns which reports of Dockerfiles are written, and where to."""

import os
import sys
from dataclasses import replace
from functools import cache
from importlib import import_module
from pathlib import Path

from slimconda.cli.inputs import STDIN
from slimconda.cli.options import Format
from slimconda.cli.output import write
from slimconda.errors import ConfigurationError
from slimconda.files import repository_top
from slimconda.findings import Report
from slimconda.writing import write_file

FOR_PEOPLE = {Format.TEXT, Format.CONCISE, Format.GITHUB, Format.MARKDOWN}
INERT = {Format.TEXT, Format.CONCISE, Format.MARKDOWN}


def parse_outputs(outputs: list[str] | None) -> list[tuple[Format, Path]]:
    """Return the formats and files of `--output`; raises ConfigurationError for one that is not FORMAT=FILE."""
    found = []
    for output in outputs or ():
        name, _, path = output.partition("=")
        if name not in set(Format) or not path:
            raise ConfigurationError(f"--output {output!r}: write FORMAT=FILE, where FORMAT is {', '.join(Format)}")
        found.append((Format(name), Path(path)))
    return found


def write_statistics(report: Report, chosen: Format | None) -> None:
    """Write the counts by rule to standard output."""
    from slimconda.reporters import statistics

    render = statistics.render_json if chosen is Format.JSON else statistics.render
    write(render(report).encode())


def write_reports(
    report: Report, chosen: Format | None, outputs: list[tuple[Format, Path]], *, quiet: bool = False
) -> None:
    """Write a report to standard output in one format, unless quiet, and to files in others, each of them at once."""
    for output, path in outputs:
        write_file(path, _rendered(report, output, colour=False))
    output = chosen_format(chosen)
    if quiet or (output in FOR_PEOPLE and not report.sources):
        return
    data = _rendered(report, output, colour=wants_colour())
    if on_actions() and output in INERT:
        from slimconda.reporters.escapes import inert

        data = inert(data.decode()).encode()
    write(data)


def chosen_format(chosen: Format | None) -> Format:
    """Return the format that was asked for, or the one for where standard output goes."""
    return chosen or (Format.GITHUB if on_actions() else Format.TEXT)


def located(report: Report) -> Report:
    """Return the report with each path's place from the top of the repository, or of GitHub's workspace."""
    top = top_folder()
    places = {path: os.path.relpath(path, top) for path in report.sources if path != STDIN}
    inside = {path: place for path, place in places.items() if not place.startswith("../")}
    return replace(report, locations=inside)


def top_folder() -> Path:
    """Return the folder that reports name paths from: the top of the repository, or of GitHub's workspace."""
    return _top(Path.cwd())


@cache
def _top(here: Path) -> Path:
    workspace = os.environ.get("GITHUB_WORKSPACE") if on_actions() else None
    return repository_top(here) or Path(workspace or here)


def on_actions() -> bool:
    """Tell whether GitHub's runner reads what is printed."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def wants_colour() -> bool:
    """Tell whether to colour standard output: NO_COLOR and FORCE_COLOR decide, else whether it is a terminal."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR", "0") != "0":
        return True
    return sys.stdout is not None and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def _rendered(report: Report, output: Format, *, colour: bool) -> bytes:
    render = import_module(f"slimconda.reporters.{output}").render
    text: str = render(report, colour=colour) if output is Format.TEXT else render(report)
    return text.encode("utf-8", "replace")
