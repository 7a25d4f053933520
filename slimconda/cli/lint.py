"""Owns `slimconda lint`."""

from dataclasses import replace
from pathlib import Path

from slimconda.cli.aside import Aside
from slimconda.cli.inputs import Asked, find_sources
from slimconda.cli.judging import Judge, Judged, judge_all
from slimconda.cli.options import (
    AddIgnoresOption,
    AllStagesOption,
    BaselineOption,
    CacheOption,
    ChangedSinceOption,
    ConfigOption,
    ExitZeroOption,
    ExtendSelectOption,
    FailOnOption,
    FormatOption,
    IgnoreOption,
    JobsOption,
    MeasuredOption,
    OutputOption,
    Paths,
    ReasonOption,
    SelectOption,
    StatisticsOption,
    TargetOption,
    UpdateBaselineOption,
)
from slimconda.cli.output import complain, finish
from slimconda.cli.progress import FILES, show_progress
from slimconda.cli.reports import located, parse_outputs, write_reports, write_statistics
from slimconda.findings import Report, join_reports


def lint(
    paths: Paths = None,
    output: FormatOption = None,
    outputs: OutputOption = None,
    statistics: StatisticsOption = False,
    fail_on: FailOnOption = None,
    exit_zero: ExitZeroOption = False,
    select: SelectOption = None,
    extend_select: ExtendSelectOption = None,
    ignore: IgnoreOption = None,
    config: ConfigOption = None,
    all_stages: AllStagesOption = False,
    target: TargetOption = None,
    changed_since: ChangedSinceOption = None,
    baseline: BaselineOption = None,
    update_baseline: UpdateBaselineOption = False,
    add_ignores: AddIgnoresOption = False,
    reason: ReasonOption = None,
    measured: MeasuredOption = None,
    jobs: JobsOption = None,
    cache: CacheOption = None,
) -> None:
    """Find what Dockerfiles will leave behind.

    Each finding has its line and column, and the fix that slimconda fix would make. Folders are searched for
    Dockerfiles as git lists them.
    """
    files = parse_outputs(outputs)
    aside = Aside(changed_since, baseline, update_baseline, add_ignores, reason)
    aside.check()
    sources, failed = find_sources(paths)
    judge = Judge(Asked(config, fail_on, select, ignore, all_stages, target, extend_select), cache)
    judged, bad = _judged(sources, judge, jobs)
    judged, unheard = aside.apply(judged)
    report = _sized(join_reports([one.report for one in judged]), measured)
    write_reports(report, output, files, quiet=statistics)
    if statistics:
        write_statistics(report, output)
    found = any(one.report.reaches(one.config.fail_on) for one in judged)
    finish(failed=failed or bad or unheard, found=found and not exit_zero)


def _sized(report: Report, measured: Path | None) -> Report:
    if measured is None:
        return report
    from slimconda.measured import read_measured, with_sizes

    return with_sizes(report, read_measured(measured))


def _judged(sources: list[str], judge: Judge, jobs: int | None) -> tuple[list[Judged], bool]:
    """Return the files that could be judged, and whether some could not, which is then said."""
    judged, bad = [], False
    with show_progress("linting", FILES, in_logs=False) as progress:
        progress.expect(len(sources))
        for number, one in enumerate(judge_all(sources, judge, jobs), 1):
            progress(number)
            if one.error:
                bad = complain(one.error)
            else:
                judged.append(replace(one, report=located(one.report)))
    return judged, bad
