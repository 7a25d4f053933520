"""Owns `slimconda du`."""

import os
from typing import TYPE_CHECKING, Annotated

import typer

from slimconda import collector
from slimconda.cli.options import HtmlOption, LayerCacheOption, NoCacheOption
from slimconda.cli.output import finish, write
from slimconda.cli.progress import FOLDERS, show_progress
from slimconda.cli.targets import layer_store, read_target
from slimconda.errors import InputError
from slimconda.writing import write_file

if TYPE_CHECKING:
    from slimconda.du.facts import Facts
    from slimconda.layers.store import Store


def du(
    prefix: Annotated[
        str | None, typer.Argument(metavar="[PREFIX]", help="An installation or environment. [default: the active one]")
    ] = None,
    image: Annotated[
        str | None, typer.Option(metavar="IMAGE|ARCHIVE", help="Look into this image instead of on this disk.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON: all facts, all sizes in bytes.")] = False,
    html: HtmlOption = None,
    packages: Annotated[int, typer.Option(min=0, help="Show that many packages of each environment.")] = 5,
    cache: LayerCacheOption = None,
    no_cache: NoCacheOption = False,
) -> None:
    """Show where a conda installation's space is, and what each clean would free.

    Hard-linked files count once: what an environment shares with the package cache is told apart from what deleting
    it would really free. Nothing there is written, no link is followed out. It reads conda's settings for further
    package caches and environments.
    """
    if image is not None and prefix is not None:
        raise InputError("give a prefix on this disk or --image, not both")
    with collector.paused():
        facts = _on_disk(prefix) if image is None else _in_image(image, layer_store(cache, wanted=not no_cache))
        if html is not None:
            from slimconda.reporters import du_html

            write_file(html, du_html.render(facts).encode("utf-8", "replace"))
        write(_text(facts, packages, as_json=as_json).encode("utf-8", "replace"))
    finish(failed=False, found=False)


def _text(facts: "Facts", packages: int, *, as_json: bool) -> str:
    if as_json:
        from slimconda.reporters import du_json

        return du_json.render(facts)
    from slimconda.reporters import du_text

    return du_text.render(facts, packages=packages)


def _on_disk(prefix: str | None) -> "Facts":
    from slimconda.du.facts import read_facts
    from slimconda.du.layout import find_layout, find_prefix
    from slimconda.du.measure import survey

    layout = find_layout(find_prefix(prefix, os.environ, os.getcwd()), os.environ)  # noqa: PTH109  # as text
    with show_progress(f"reading {layout.root}", FOLDERS) as progress:
        return read_facts(survey(layout, progress))


def _in_image(image: str, store: "Store | None") -> "Facts":
    from slimconda.du.facts import read_facts
    from slimconda.du.image import survey_image
    from slimconda.layers.request import Request

    opened = read_target(image, Request(store=store))
    files = tuple(file for layer in opened.layers for file in layer.visible)
    return read_facts(survey_image(image, opened.prefixes, opened.caches, files), image=image)
