"""Owns the commands that show what slimconda knows: `rules`, `explain`, `demo`, and `lsp` to editors."""

from enum import StrEnum
from typing import Annotated

import typer

from slimconda.cli.output import write
from slimconda.errors import InputError
from slimconda.rulebook import load_rules


class RulesFormat(StrEnum):
    """How the rules are listed; `schema` is the JSON schema of slimconda.toml, which names them."""

    TEXT = "text"
    JSON = "json"
    SCHEMA = "schema"


def rules(
    output: Annotated[
        RulesFormat, typer.Option("--format", help="How to list them; schema is that of slimconda.toml, for editors.")
    ] = RulesFormat.TEXT,
) -> None:
    """List the rules."""
    from slimconda.reporters.rules import render_json, render_schema, render_table

    known = list(load_rules().values())
    renderers = {RulesFormat.TEXT: render_table, RulesFormat.JSON: render_json, RulesFormat.SCHEMA: render_schema}
    write(renderers[output](known).encode())


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


def lsp() -> None:
    """Serve an editor over standard input and output.

    Diagnostics, quick fixes, a fix for all and the rules' cards, as a language server. It needs the extra
    slimconda[lsp].
    """
    try:
        from slimconda.lsp import make_server
    except ImportError as error:
        raise InputError(f"the language server needs: pip install 'slimconda[lsp]' ({error})") from None
    make_server().start_io()
