"""Owns the pages: one file without a network, whose figures need no JavaScript, dark or light."""

import base64
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from slimconda.reporters.escapes import visible
from slimconda.reporters.treemap import Box, lay_out
from slimconda.units import size_text

MAP_ASPECT = 2.2
SMALLEST_LABEL = (7.0, 9.0)  # percent of the map's width and height below which a tile has no room for text


@dataclass(frozen=True)
class Tile:
    """A part of the whole as the treemap shows it: `kind` is used, residue or hidden."""

    label: str
    kind: str
    size: int


def render_page(template: str, **facts: Any) -> str:
    """Return the page of a template with those facts.

    All text in them is escaped; what may hold control characters is to pass the filter `visible`. The page forbids
    itself the network and every script but its own.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("slimconda.reporters"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"size": size_text, "visible": visible}
    script = environment.get_template("sort.js").render()
    allowed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return environment.get_template(template).render(**facts, script=script, allowed=allowed)


def boxes(tiles: Iterable[Tile]) -> Iterator[dict[str, Any]]:
    """Yield the tiles that have a size with their places in the treemap, largest first."""
    shown = sorted((tile for tile in tiles if tile.size > 0), key=lambda tile: -tile.size)
    placed = lay_out([float(tile.size) for tile in shown], Box(0, 0, 100, 100), MAP_ASPECT)
    for tile, box in zip(shown, placed, strict=True):
        room = box.width >= SMALLEST_LABEL[0] and box.height >= SMALLEST_LABEL[1]
        yield {"tile": tile, "label": visible(tile.label), "box": box, "room": room}
