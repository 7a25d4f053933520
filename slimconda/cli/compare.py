"""Owns `slimconda compare`."""

from typing import Annotated

import typer

from slimconda.cli.options import (
    LayerCacheOption,
    NoCacheOption,
    PlainFormatOption,
    PlatformOption,
    TextOrJson,
)
from slimconda.cli.output import write
from slimconda.cli.targets import layer_store, read_target


def compare(
    before: Annotated[str, typer.Argument(metavar="BEFORE", help="An image, as inspect takes it.")],
    after: Annotated[str, typer.Argument(metavar="AFTER", help="The image to compare it with.")],
    output: PlainFormatOption = TextOrJson.TEXT,
    platform: PlatformOption = None,
    cache: LayerCacheOption = None,
    no_cache: NoCacheOption = False,
) -> None:
    """Compare two images: what went and what came.

    By layer, by rule, by conda environment and by package, as conda's own records name their files.
    """
    from slimconda.layers.comparison import compare_images
    from slimconda.layers.manifest import Choice
    from slimconda.layers.request import Request
    from slimconda.reporters import compare_json, compare_text

    request = Request(Choice(platform=platform), records=True, store=layer_store(cache, wanted=not no_cache))
    found = compare_images(read_target(before, request), read_target(after, request))
    render = compare_json.render if output is TextOrJson.JSON else compare_text.render
    write(render(found).encode("utf-8", "replace"))
