"""Owns the command line: the only place that prints, prompts, reads the environment and exits."""

import errno
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from slimconda import __version__
from slimconda.config import Config, find_config, load_config
from slimconda.errors import ConfigurationError, InputError, SlimcondaError
from slimconda.files import LARGEST_FILE, find_dockerfiles, read_dockerfile, replace_file
from slimconda.findings import Report, Severity, join_reports
from slimconda.reporters.text import visible
from slimconda.rulebook import load_rules
from slimconda.source import Source

if TYPE_CHECKING:
    from slimconda.rewriter import Rewrite

FOUND, BAD_INPUT, BUG = 1, 2, 3
STDIN = "-"
PROGRESS_EVERY = {True: 0.2, False: 10}  # seconds, by whether stderr is a terminal

app = typer.Typer(
    name="slimconda",
    help="Finds, measures and removes what conda leaves behind in Docker images.",
    epilog="Exit codes: 0 nothing found or all fixed, 1 findings, 2 wrong usage or input, 3 a bug of slimconda.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class Format(StrEnum):
    """How a report is written."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"


class TextOrJson(StrEnum):
    """How what is not a list of places in files is written."""

    TEXT = "text"
    JSON = "json"


class Threshold(StrEnum):
    """A severity by its name."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


Paths = Annotated[
    list[str] | None, typer.Argument(metavar="[PATH]...", help="Dockerfiles, folders, or - for standard input.")
]
FormatOption = Annotated[
    Format | None, typer.Option("--format", help="How to write the report. [default: github on Actions, else text]")
]
PlainFormatOption = Annotated[TextOrJson, typer.Option("--format", help="How to write the report.")]
FailOnOption = Annotated[
    Threshold | None, typer.Option(help="Exit with 1 from this severity on. [default: warning]", show_default=False)
]
SelectOption = Annotated[list[str] | None, typer.Option(metavar="RULE", help="Only this rule; may be repeated.")]
IgnoreOption = Annotated[list[str] | None, typer.Option(metavar="RULE", help="Not this rule; may be repeated.")]
ConfigOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Read this configuration instead of the nearest slimconda.toml.")
]


def _show_version(*, wanted: bool) -> None:
    if wanted:
        typer.echo(f"slimconda {__version__}")
        raise typer.Exit


@app.callback()
def common(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", callback=lambda value: _show_version(wanted=value), is_eager=True, help="Show it."),
    ] = False,
) -> None:
    """Finds, measures and removes what conda leaves behind in Docker images."""


@app.command()
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

    settings = _settings(config, fail_on, select, ignore)
    reports = []
    sources, failed = _sources(paths)
    for source in sources:
        try:
            reports.append(lint_source(_opened(source), settings))
        except InputError as error:
            failed = _complain(error)
    report = join_reports(reports)
    if reports or output is Format.JSON:
        _write(_renderer(output)(report).encode("utf-8", "replace"))
    _finish(failed=failed, found=report.reaches(settings.fail_on))


@app.command()
def fix(
    paths: Paths = None,
    diff: Annotated[bool, typer.Option("--diff", help="Show the changes and write nothing.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit with 1 if a file would change.")] = False,
    unsafe: Annotated[bool, typer.Option("--unsafe", help="Make unsafe fixes, too.")] = False,
    fail_on: FailOnOption = None,
    select: SelectOption = None,
    ignore: IgnoreOption = None,
    config: ConfigOption = None,
) -> None:
    """Rewrite Dockerfiles so that less is left.

    Install and cleanup go into one layer, in the author's style; no other byte changes. Files are replaced at once,
    with their mode. With - it is a filter from standard input to standard output.
    """
    from slimconda.rewriter import rewrite

    settings = _settings(config, fail_on, select, ignore)
    found = False
    sources, failed = _sources(paths)
    for source in sources:
        try:
            done = rewrite(_opened(source), settings, unsafe=unsafe)
            _refuse_broken(done)
            _deliver(done, diff=diff, check=check)
        except InputError as error:
            failed = _complain(error)
            continue
        found = found or done.report.reaches(settings.fail_on) or (check and done.changed)
    _finish(failed=failed, found=found)


def _refuse_broken(done: "Rewrite") -> None:
    """Raise InputError for a file that Docker would refuse, and report a rewrite that found no end."""
    if done.gave_up:
        raise RuntimeError(f"{done.source.path}: left as it is: {done.gave_up}")
    if done.refused:
        line = done.source.line_of(done.refused.span.start)
        raise InputError(f"{done.source.path}:{line}: left as it is: {done.refused.message}")


def _deliver(done: "Rewrite", *, diff: bool, check: bool) -> None:
    """Write a rewritten Dockerfile where it belongs, and say what was done."""
    from slimconda.reporters.diff import render

    if diff:
        _write(render(done.source.path, done.source.data, done.data))
    elif done.source.path == STDIN and not check:
        _write(done.data)
    elif done.changed and not check:
        replace_file(Path(done.source.path), done.source.data, done.data)
    _say_fixed(done, verb="would be fixed" if check or diff else "fixed")


def _say_fixed(done: "Rewrite", *, verb: str) -> None:
    fixed, left = len(done.fixed), len(done.report.open)
    if fixed or left:
        rest = f", {left} left (see: slimconda lint)" if left else ""
        typer.echo(f"{visible(done.source.path)}: {fixed} {verb}{rest}", err=True)


@app.command()
def inspect(
    image: Annotated[str, typer.Argument(metavar="IMAGE|ARCHIVE", help="An image's name or id, or a saved archive.")],
    output: PlainFormatOption = TextOrJson.TEXT,
    fail_on: FailOnOption = None,
    select: SelectOption = None,
    ignore: IgnoreOption = None,
    config: ConfigOption = None,
) -> None:
    """Measure what conda left in an image.

    For each layer: its size as Docker's own history states it, the package cache by kind, what is hidden by later
    layers, and what a clean in the same layer would have saved, to the byte. A file is read as an archive of docker
    save or an OCI layout; any other name is asked of the Docker daemon.
    """
    from slimconda.layers.image import open_image
    from slimconda.linter import lint_image
    from slimconda.reporters import inspect_json, inspect_text

    settings = _settings(config, fail_on, select, ignore)
    with _progress(f"reading {image}") as progress:
        opened = open_image(image, progress)
    report = lint_image(opened, settings)
    render = inspect_json.render if output is TextOrJson.JSON else inspect_text.render
    _write(render(opened, report).encode("utf-8", "replace"))
    _finish(failed=False, found=report.reaches(settings.fail_on))


@app.command()
def rules(output: PlainFormatOption = TextOrJson.TEXT) -> None:
    """List the rules."""
    from slimconda.reporters.rules import render_json, render_table

    render = render_json if output is TextOrJson.JSON else render_table
    _write(render(list(load_rules().values())).encode())


@app.command()
def explain(rule: Annotated[str, typer.Argument(help="The name of a rule.")]) -> None:
    """Show a rule's card.

    It says why the rule matters, when its fix is safe, what was measured, and has examples.
    """
    import difflib

    known = load_rules()
    if rule not in known:
        close = difflib.get_close_matches(rule, known, n=1)
        raise InputError(f"there is no rule {rule!r}" + (f", did you mean {close[0]!r}?" if close else ""))
    _write(known[rule].card.encode())


@app.command()
def demo() -> None:
    """Show all of it on a small example.

    It makes a small image archive in a temporary folder, and shows the problem, the fix and the saving. It needs no
    Docker.
    """
    from slimconda.demo import run

    for part in run():
        _write(part.encode("utf-8", "replace"))


def _settings(
    path: Path | None, fail_on: Threshold | None, select: list[str] | None, ignore: list[str] | None
) -> Config:
    known = frozenset(load_rules())
    for name in [*(select or ()), *(ignore or ())]:
        if name not in known:
            raise ConfigurationError(f"there is no rule {name!r} (see: slimconda rules)")
    config = load_config(path, known) if path else find_config(Path.cwd(), known)
    if select:
        config = replace(config, select=frozenset(select))
    if ignore:
        config = replace(config, ignore=config.ignore | frozenset(ignore))
    return replace(config, fail_on=Severity.named(fail_on)) if fail_on else config


def _sources(paths: list[str] | None) -> tuple[list[str], bool]:
    """Return the names of all Dockerfiles meant, and whether a path was bad, which is then said."""
    found: dict[str, None] = {}
    failed = False
    for path in paths or ["."]:
        try:
            found |= dict.fromkeys([STDIN] if path == STDIN else map(str, find_dockerfiles([Path(path)])))
        except InputError as error:
            failed = _complain(error)
    return list(found), failed


def _opened(name: str) -> Source:
    if name != STDIN:
        return Source(name, read_dockerfile(Path(name)))
    data = sys.stdin.buffer.read(LARGEST_FILE + 1)
    if len(data) > LARGEST_FILE:
        raise InputError(f"standard input: longer than {LARGEST_FILE} bytes, so not a Dockerfile")
    return Source(STDIN, data)


def _renderer(chosen: Format | None) -> Callable[[Report], str]:
    from importlib import import_module

    output = chosen or (Format.GITHUB if os.environ.get("GITHUB_ACTIONS") == "true" else Format.TEXT)
    render: Callable[[Report], str] = import_module(f"slimconda.reporters.{output}").render
    return render


@contextmanager
def _progress(title: str) -> Iterator[Callable[[int], None]]:
    """Give a function that is told the bytes read so far; what takes longer than a second is shown on stderr."""
    started = shown = time.monotonic()
    live = sys.stderr.isatty()

    def show(done: int) -> None:
        nonlocal shown
        now = time.monotonic()
        if now - started > 1 and (now - shown > PROGRESS_EVERY[live] or shown == started):
            shown = now
            amount = f": {done / 1e6:,.0f} MB" if done >= 1e6 else " ..."
            typer.echo(f"{title}{amount}", err=True, nl=not live)
            typer.echo("\r", err=True, nl=False) if live else None

    yield show
    if live and shown != started:
        typer.echo("\033[2K", err=True, nl=False)


def _write(data: bytes) -> None:
    if sys.stdout is None:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF), "standard output")
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def _complain(error: SlimcondaError) -> bool:
    """Say on one line of stderr what is wrong with the input; returns True."""
    typer.echo(f"slimconda: {visible(' '.join(str(error).split()))}", err=True)
    return True


def _finish(*, failed: bool, found: bool) -> None:
    raise typer.Exit(BAD_INPUT if failed else FOUND if found else 0)


def main() -> None:
    """Run the command line; a bug of ours exits with 3 and a way to report it."""
    try:
        app()
    except SlimcondaError as error:
        _complain(error)
        sys.exit(BAD_INPUT)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(FOUND)
    except OSError as error:
        typer.echo(f"slimconda: {visible(str(error.filename or 'output'))}: {error.strerror or error}", err=True)
        sys.exit(BAD_INPUT)
    except Exception as error:
        if os.environ.get("SLIMCONDA_TRACEBACK"):
            raise
        typer.echo(f"slimconda: bug: {type(error).__name__}: {visible(str(error))}", err=True)
        typer.echo("slimconda: please report it; SLIMCONDA_TRACEBACK=1 shows where it happened", err=True)
        sys.exit(BUG)
