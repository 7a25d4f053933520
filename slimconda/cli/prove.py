"""Owns `slimconda prove`."""

import os
import signal
import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from slimconda.cli.inputs import open_source, read_settings
from slimconda.cli.options import (
    ConfigOption,
    ExtendSelectOption,
    IgnoreOption,
    PlainFormatOption,
    SelectOption,
    TextOrJson,
)
from slimconda.cli.output import finish, say, write
from slimconda.errors import InputError

LogOption = Annotated[bool, typer.Option("--quiet", help="Do not show what docker says while it builds.")]


def prove(
    dockerfile: Annotated[Path, typer.Argument(metavar="[DOCKERFILE]", help="The file to prove.")] = Path("Dockerfile"),
    context: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="The build context. [default: the Dockerfile's folder]")
    ] = None,
    build_arg: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="As for docker build; may be repeated.")
    ] = None,
    secret: Annotated[
        list[str] | None, typer.Option(metavar="id=NAME[,src=FILE]", help="As for docker build; may be repeated.")
    ] = None,
    target: Annotated[str | None, typer.Option(metavar="STAGE", help="As for docker build.")] = None,
    network: Annotated[str | None, typer.Option(metavar="MODE", help="As for docker build.")] = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="As for docker build.")] = False,
    docker: Annotated[str, typer.Option(metavar="PROGRAM", help="The docker program.")] = "docker",
    unsafe: Annotated[bool, typer.Option("--unsafe", help="Make unsafe fixes, too.")] = False,
    quiet: LogOption = False,
    output: PlainFormatOption = TextOrJson.TEXT,
    select: SelectOption = None,
    extend_select: ExtendSelectOption = None,
    ignore: IgnoreOption = None,
    config: ConfigOption = None,
) -> None:
    """Build a Dockerfile before and after the fix, and show that only waste went.

    This runs the Dockerfile's commands, twice. Both images are compared file by file: content, mode, owner, links. The
    Dockerfile itself stays as it is. Exits with 1 if anything but residue differs; bytecode, logs, conda's history and
    times differ between any two builds and are counted apart.
    """
    from slimconda.prove.build import Recipe
    from slimconda.prove.proof import prove as build_both
    from slimconda.reporters.prove import render, render_json
    from slimconda.rewriter import rewrite

    # A job that is cancelled is to leave no image behind, as with ^C.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    settings = read_settings(config, None, select, ignore, extend_select)
    settings = replace(settings, target=target or settings.target)
    done = rewrite(open_source(str(dockerfile)), settings, unsafe=unsafe)
    if done.refused:
        raise InputError(f"{dockerfile}: {done.refused.message}")
    if not done.changed:
        say(f"{dockerfile}: there is nothing to fix, so nothing to prove")
        raise typer.Exit
    wanted = {"--target": target, "--network": network}
    options = [f"--build-arg={value}" for value in build_arg or ()]
    options += [f"--secret={value}" for value in secret or ()]
    options += [f"{name}={value}" for name, value in wanted.items() if value]
    options += ["--no-cache"] if no_cache else []
    recipe = Recipe(dockerfile, context or dockerfile.parent, tuple(options), docker)
    with Path(os.devnull).open("w", encoding="utf-8") if quiet else nullcontext(sys.stderr) as log:
        proof = build_both(done, recipe, log)
    text = (render_json if output is TextOrJson.JSON else render)(proof, str(dockerfile))
    write(text.encode("utf-8", "replace"))
    finish(failed=False, found=not proof.holds)
