"""Owns the page about an image: what its layers, findings and environments put into the template."""

from collections.abc import Iterator, Sequence
from typing import Any

from slimconda.budgets import Exceeded
from slimconda.findings import Finding, Report
from slimconda.layers.image import Image, Layer
from slimconda.reporters.escapes import visible
from slimconda.reporters.page import Tile, boxes, render_page
from slimconda.source import Span

MOST_TILES = 60


def render(image: Image, report: Report, over: Sequence[Exceeded] = (), fixed: str = "") -> str:
    """Return the page. `fixed` is the difference, as text, that `slimconda fix` would make to the Dockerfile.

    All that comes from the image or the Dockerfile is escaped and without control characters.
    """
    facts = _facts(image, report)
    return render_page("inspect.html.j2", **facts, over=[one.message for one in over], fixed=_difference(fixed))


def _facts(image: Image, report: Report) -> dict[str, Any]:
    findings = sorted(report.open, key=lambda finding: -(finding.part.bytes if finding.part else 0))
    return {
        "image": image,
        "totals": image.totals,
        "layers": [_row(layer, image) for layer in image.layers],
        "tiles": list(boxes(_tiles(image))),
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
