"""Owns the page about an image: one file without a network, whose figures need no JavaScript, dark or light."""

import base64
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from slimconda.budgets import Exceeded
from slimconda.findings import Finding, Report
from slimconda.layers.image import Image, Layer
from slimconda.reporters.escapes import visible
from slimconda.reporters.treemap import Box, lay_out
from slimconda.source import Span
from slimconda.units import size_text

MAP_ASPECT = 2.2
MOST_TILES = 60
SMALLEST_LABEL = (7.0, 9.0)  # percent of the map's width and height below which a tile has no room for text


@dataclass(frozen=True)
class Tile:
    """A part of the image as the treemap shows it: `kind` is used, residue or hidden."""

    label: str
    kind: str
    size: int


def render(image: Image, report: Report, over: Sequence[Exceeded] = (), fixed: str = "") -> str:
    """Return the page. `fixed` is the difference, as text, that `slimconda fix` would make to the Dockerfile.

    All that comes from the image or the Dockerfile is escaped and without control characters, and the page forbids
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
    facts = _facts(image, report)
    return environment.get_template("inspect.html.j2").render(
        **facts, script=script, allowed=allowed, over=[one.message for one in over], fixed=_difference(fixed)
    )


def _facts(image: Image, report: Report) -> dict[str, Any]:
    findings = sorted(report.open, key=lambda finding: -(finding.part.bytes if finding.part else 0))
    return {
        "image": image,
        "totals": image.totals,
        "layers": [_row(layer, image) for layer in image.layers],
        "tiles": list(_boxes(list(_tiles(image)))),
        "findings": [_finding(finding, report) for finding in findings],
    }


def _row(layer: Layer, image: Image) -> dict[str, Any]:
    largest = max((other.size for other in image.layers), default=0) or 1
    residue = sum(part.bytes for part in layer.residue.values())
    used = min(layer.live, layer.size - residue)
    parts = [("used", used), ("residue", residue), ("hidden", layer.size - used - residue)]
    return {
        "layer": layer,
        "residue": residue,
        "parts": [(kind, size, f"{100 * size / largest:.3f}") for kind, size in parts if size],
        "created_by": visible(" ".join(layer.created_by.split())),
    }


def _tiles(image: Image) -> Iterator[Tile]:
    """Yield parts that add up to the image's size: residue by rule, what is hidden, packages, and all other files."""
    rules: dict[str, int] = {}
    used = hidden = 0
    for layer in image.layers:
        parts = {kind: size for kind, size, _ in _row(layer, image)["parts"]}
        used, hidden = used + parts.get("used", 0), hidden + parts.get("hidden", 0)
        for rule, part in layer.residue.items():
            rules[rule] = rules.get(rule, 0) + part.bytes
    yield from (Tile(rule, "residue", size) for rule, size in rules.items())
    yield Tile("hidden by later layers", "hidden", hidden)
    packages = [
        Tile(f"{package.name} {package.version} in {environment.prefix}", "used", package.size)
        for environment in image.environments
        for package in environment.packages
    ]
    packages = sorted(packages, key=lambda tile: -tile.size)[:MOST_TILES]
    # A record may name files of another package, too: shown packages never exceed what is in use.
    shown = packages if sum(tile.size for tile in packages) <= used else []
    yield from shown
    yield Tile("other files in use", "used", used - sum(tile.size for tile in shown))


def _boxes(tiles: list[Tile]) -> Iterator[dict[str, Any]]:
    tiles = sorted((tile for tile in tiles if tile.size > 0), key=lambda tile: -tile.size)
    placed = lay_out([float(tile.size) for tile in tiles], Box(0, 0, 100, 100), MAP_ASPECT)
    for tile, box in zip(tiles, placed, strict=True):
        room = box.width >= SMALLEST_LABEL[0] and box.height >= SMALLEST_LABEL[1]
        yield {"tile": tile, "label": visible(tile.label), "box": box, "room": room}


def _finding(finding: Finding, report: Report) -> dict[str, Any]:
    source, line, excerpt = report.sources.get(finding.path), 0, ""
    if source is not None and isinstance(finding.place, Span):
        line = source.position(finding.place.start).line
        excerpt = source.text(source.line_span(line)).rstrip("\r\n")
    return {
        "rule": finding.rule,
        "severity": finding.severity.label,
        "message": visible(finding.message),
        "layer": finding.part.layer if finding.part else "",
        "bytes": finding.part.bytes if finding.part else 0,
        "paths": [visible(path) for path in finding.part.paths[:5]] if finding.part else [],
        "place": f"{visible(finding.path)}:{line}" if line else "",
        "excerpt": visible(excerpt.replace("\t", " ")),
    }


def _difference(text: str) -> list[tuple[str, str]]:
    """Return the lines of a difference, each with what it is."""
    kinds = {"+": "added", "-": "removed", "@": "place"}
    return [(kinds.get(line[:1], "same"), visible(line.replace("\t", " "))) for line in text.splitlines()]
