"""Owns `slimconda fix`."""

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from slimconda.cli.aside import Aside
from slimconda.cli.inputs import STDIN, Asked, find_sources, open_source
from slimconda.cli.judging import Judge
from slimconda.cli.options import (
    AllStagesOption,
    BaselineOption,
    ChangedSinceOption,
    ConfigOption,
    ExitZeroOption,
    ExtendSelectOption,
    FailOnOption,
    IgnoreOption,
    Paths,
    SelectOption,
    TargetOption,
)
from slimconda.cli.output import complain, finish, write
from slimconda.cli.reports import located
from slimconda.errors import InputError
from slimconda.reporters.escapes import inert
from slimconda.writing import replace_file

if TYPE_CHECKING:
    from collections import Counter

    from slimconda.environments.file import Pins
    from slimconda.rewriter import Rewrite


def fix(
    paths: Paths = None,
    diff: Annotated[bool, typer.Option("--diff", help="Show the changes and write nothing.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit with 1 if a file would change.")] = False,
    unsafe: Annotated[bool, typer.Option("--unsafe", help="Make unsafe fixes, too.")] = False,
    pin_from: Annotated[
        Path | None,
        typer.Option(metavar="FILE|PREFIX", help="Write the versions of this lock or environment into unpinned specs."),
    ] = None,
    fail_on: FailOnOption = None,
    select: SelectOption = None,
    extend_select: ExtendSelectOption = None,
    ignore: IgnoreOption = None,
    config: ConfigOption = None,
    all_stages: AllStagesOption = False,
    target: TargetOption = None,
    changed_since: ChangedSinceOption = None,
    baseline: BaselineOption = None,
    exit_zero: ExitZeroOption = False,
) -> None:
    """Rewrite Dockerfiles so that less is left.

    Install and cleanup go into one layer, in the author's style; no other byte changes. Environment files lose the
    lines that change nothing. Files are replaced at once, with their mode. With - it is a filter from standard input
    to standard output.
    """
    from slimconda.file_rewriter import rewrite_file
    from slimconda.reporters.fixes import render_all, render_file

    pins = _pins(pin_from)
    asked = Asked(config, fail_on, select, ignore, all_stages, target, extend_select)
    verb = "would be fixed" if check or diff else "fixed"
    rewrites: list[Rewrite] = []
    skipped, found = 0, False
    sources, failed = find_sources(paths)
    old = _set_aside(sources, asked, Aside(changed_since, baseline))
    for source in sources:
        try:
            settings = asked.config(source)
            done = rewrite_file(open_source(source), settings, pins, unsafe=unsafe, old=old.get(source))
            _refuse_broken(done)
            _deliver(done, diff=diff, check=check)
        except InputError as error:
            failed = complain(error)
            skipped += 1
            continue
        found = found or done.report.reaches(settings.fail_on) or (check and done.changed)
        typer.echo(inert(render_file(done, verb=verb)), err=True, nl=False)
        rewrites.append(done)
    typer.echo(inert(render_all(rewrites, skipped, verb=verb)), err=True, nl=False)
    finish(failed=failed, found=found and not exit_zero)


def _set_aside(sources: list[str], asked: Asked, aside: Aside) -> "dict[str, Counter[tuple[str, str]]]":
    """Return by file the findings that are to be left; raises InputError where the options cannot say."""
    if aside == Aside():
        return {}
    from slimconda.introduced import set_aside

    named = (name for name in sources if name != STDIN)
    judged = [replace(one, report=located(one.report)) for one in map(Judge(asked), named) if not one.error]
    left = aside.left(judged, quiet=True)
    return {one.name: set_aside(one.report, other.report) for one, other in zip(judged, left, strict=True)}


def _pins(path: Path | None) -> "Pins | None":
    if path is None:
        return None
    from slimconda.pins import read_pins

    return read_pins(path)


def _refuse_broken(done: "Rewrite") -> None:
    """Raise InputError for a file that Docker would refuse, and report a rewrite that found no end."""
    if done.gave_up:
        raise RuntimeError(f"{done.source.path}: left as it is: {done.gave_up}")
    if done.refused:
        line = done.source.line_of(done.refused.span.start)
        raise InputError(f"{done.source.path}:{line}: left as it is: {done.refused.message}")


def _deliver(done: "Rewrite", *, diff: bool, check: bool) -> None:
    """Write a rewritten Dockerfile where it belongs."""
    from slimconda.reporters.diff import render

    if diff:
        write(render(_relative(done.source.path), done.source.data, done.data))
    elif done.source.path == STDIN and not check:
        write(done.data)
    elif done.changed and not check:
        replace_file(Path(done.source.path), done.source.data, done.data)


def _relative(path: str) -> str:
    """Return a path as `git apply` takes it here: from the working directory on, where it lies below that."""
    return os.path.relpath(path) if path != STDIN and Path(path).resolve().is_relative_to(Path.cwd()) else path
