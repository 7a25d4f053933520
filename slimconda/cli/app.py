"""Owns the typer application that the commands add themselves to."""

from typing import Annotated

import typer

from slimconda import __version__

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
