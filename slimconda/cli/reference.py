"""Owns the commands that show what slimconda knows: `rules`, `explain` and `demo`."""

from typing import Annotated

import typer

from slimconda.cli.options import PlainFormatOption, TextOrJson
from slimconda.cli.output import write
from slimconda.errors import InputError
from slimconda.rulebook import load_rules


def rules(output: PlainFormatOption = TextOrJson.TEXT) -> None:
    """List the rules."""
    from slimconda.reporters.rules import render_json, render_table

    render = render_json if output is TextOrJson.JSON else render_table
    write(render(list(load_rules().values())).encode())


def explain(rule: Annotated[str, typer.Argument(help="The name of a rule.")]) -> None:
    """Show a rule's card.

    It says why the rule matters, when its fix is safe, what was measured, and has examples.
    """
    import difflib

    known = load_rules()
    if rule not in known:
        close = difflib.get_close_matches(rule, known, n=1)
        raise InputError(f"there is no rule {rule!r}" + (f", did you mean {close[0]!r}?" if close else ""))
    write(known[rule].card.encode())


def demo() -> None:
    """Show all of it on a small example.

    It makes a small image archive in a temporary folder, and shows the problem, the fix and the saving. It needs no
    Docker.
    """
    from slimconda.demo import run

    for part in run():
        write(part.encode("utf-8", "replace"))
