"""Owns `slimconda du`."""

import os
from typing import Annotated

import typer

from slimconda.cli.output import finish, show_progress, write


def du(
    prefix: Annotated[
        str | None, typer.Argument(metavar="[PREFIX]", help="An installation or environment. [default: the active one]")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON: all facts, all sizes in bytes.")] = False,
    packages: Annotated[int, typer.Option(min=0, help="Show that many packages of each environment.")] = 5,
) -> None:
    """Show where a conda installation's space is, and what each clean would free.

    Hard-linked files count once: what an environment shares with the package cache is told apart from what deleting
    it would really free. Nothing is written, no link is followed out. It reads conda's settings for further package
    caches and environments.
    """
    from slimconda.du.facts import read_facts
    from slimconda.du.layout import find_layout, find_prefix
    from slimconda.du.measure import survey
    from slimconda.reporters import du_json, du_text

    layout = find_layout(find_prefix(prefix, os.environ, os.getcwd()), os.environ)  # noqa: PTH109  # as text
    with show_progress(f"reading {layout.root}") as progress:
        facts = read_facts(survey(layout, progress))
    text = du_json.render(facts) if as_json else du_text.render(facts, packages=packages)
    write(text.encode("utf-8", "replace"))
    finish(failed=False, found=False)
