"""Owns `slimconda lint`."""

import os
from collections.abc import Callable

from slimconda.cli.inputs import find_sources, open_source, read_settings
from slimconda.cli.options import ConfigOption, FailOnOption, Format, FormatOption, IgnoreOption, Paths, SelectOption
from slimconda.cli.output import complain, finish, write
from slimconda.errors import InputError
from slimconda.findings import Report, join_reports


def lint(
    paths: Paths = None,
    output: FormatOption = None,
    fail_on: FailOnOption = None,
    select: SelectOption = None,
    ignore: IgnoreOption = None,
    config: ConfigOption = None,
) -> None:
    """Find what Dockerfiles will leave behind.

    Each finding has its line and column, and the fix that slimconda fix would make. Folders are searched for
    Dockerfiles as git lists them.
    """
    from slimconda.linter import lint as lint_source

    settings = read_settings(config, fail_on, select, ignore)
    reports = []
    sources, failed = find_sources(paths)
    for source in sources:
        try:
            reports.append(lint_source(open_source(source), settings))
        except InputError as error:
            failed = complain(error)
    report = join_reports(reports)
    if reports or output is Format.JSON:
        write(_renderer(output)(report).encode("utf-8", "replace"))
    finish(failed=failed, found=report.reaches(settings.fail_on))


def _renderer(chosen: Format | None) -> Callable[[Report], str]:
    from importlib import import_module

    output = chosen or (Format.GITHUB if os.environ.get("GITHUB_ACTIONS") == "true" else Format.TEXT)
    render: Callable[[Report], str] = import_module(f"slimconda.reporters.{output}").render
    return render
