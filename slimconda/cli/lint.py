"""Owns `slimconda lint`."""

from slimconda.cli.inputs import Asked, find_sources, is_compose, open_source
from slimconda.cli.options import (
    AllStagesOption,
    ConfigOption,
    ExitZeroOption,
    FailOnOption,
    FormatOption,
    IgnoreOption,
    OutputOption,
    Paths,
    SelectOption,
    TargetOption,
)
from slimconda.cli.output import complain, finish
from slimconda.cli.reports import located, parse_outputs, write_reports
from slimconda.errors import InputError
from slimconda.findings import join_reports


def lint(
    paths: Paths = None,
    output: FormatOption = None,
    outputs: OutputOption = None,
    fail_on: FailOnOption = None,
    select: SelectOption = None,
    ignore: IgnoreOption = None,
    config: ConfigOption = None,
    all_stages: AllStagesOption = False,
    target: TargetOption = None,
    exit_zero: ExitZeroOption = False,
) -> None:
    """Find what Dockerfiles will leave behind.

    Each finding has its line and column, and the fix that slimconda fix would make. Folders are searched for
    Dockerfiles as git lists them.
    """
    from slimconda.inline import lint_inline
    from slimconda.linter import lint as lint_source

    asked = Asked(config, fail_on, select, ignore, all_stages, target)
    files = parse_outputs(outputs)
    reports, found = [], False
    sources, failed = find_sources(paths)
    for source in sources:
        try:
            settings = asked.config(source)
            judge = lint_inline if is_compose(source) else lint_source
            reports.append(judge(open_source(source), settings))
            found = found or reports[-1].reaches(settings.fail_on)
        except InputError as error:
            failed = complain(error)
    write_reports(located(join_reports(reports)), output, files)
    finish(failed=failed, found=found and not exit_zero)
