"""Owns the command line: the only place that prints, prompts, reads the environment and exits."""

import os
import sys

import typer

from slimconda.cli.app import make_app
from slimconda.cli.output import BAD_INPUT, BUG, FOUND, complain
from slimconda.errors import SlimcondaError
from slimconda.reporters.escapes import visible

__all__ = ["main", "make_app"]


def main() -> None:
    """Run the command line; a bug of ours exits with 3 and a way to report it."""
    try:
        make_app(sys.argv[1:])()
    except SlimcondaError as error:
        complain(error)
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
