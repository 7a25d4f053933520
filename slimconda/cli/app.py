"""Owns the typer application: the commands by name, of which only those that are asked for are loaded and built."""

from collections.abc import Sequence
from importlib import import_module
from typing import Annotated

import typer

from slimconda import __version__

# In the order of the help.
MODULES = {
    "lint": "lint",
    "fix": "fix",
    "inspect": "inspect",
    "compare": "compare",
    "prove": "prove",
    "du": "du",
    "rules": "reference",
    "explain": "reference",
    "demo": "reference",
    "lsp": "reference",
}


def make_app(words: Sequence[str] = ()) -> typer.Typer:
    """Return the application for a command line: with the command that it begins with, else with all of them."""
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
    app.callback()(common)
    for name in words[:1] if words and words[0] in MODULES else MODULES:
        app.command()(getattr(import_module(f"slimconda.cli.{MODULES[name]}"), name))
    return app


def _show_version(*, wanted: bool) -> None:
    if wanted:
        typer.echo(f"slimconda {__version__}")
        raise typer.Exit


def common(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", callback=lambda value: _show_version(wanted=value), is_eager=True, help="Show it."),
    ] = False,
) -> None:
    """Finds, measures and removes what conda leaves behind in Docker images."""
