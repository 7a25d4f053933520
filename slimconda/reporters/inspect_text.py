"""Owns the text report of an image: its layers, its caches by kind, the findings, and the sums, for 80 columns."""

import textwrap
from collections.abc import Iterable
from typing import Any

from slimconda.findings import Finding, Report
from slimconda.layers.image import Image, Layer
from slimconda.reporters.escapes import visible
from slimconda.source import Span
from slimconda.units import size_text

WIDTH = 80
PATHS_SHOWN = 3
WHAT_RAN = 40  # columns that the other columns leave


def render(image: Image, report: Report) -> str:
    """Return image and findings as text; what comes from the image is shown without control characters."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("slimconda.reporters"),
        autoescape=False,  # noqa: S701  # it makes no HTML
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"size": size_text}
    return environment.get_template("inspect.txt.j2").render(_facts(image, report))


def _facts(image: Image, report: Report) -> dict[str, Any]:
    return {
        "name": visible(image.name),
        "totals": image.totals,
        "count": len(image.layers),
        "layers": _layer_table(image),
        "caches": _cache_table(image),
        "prefixes": _wrapped("conda environments: ", image.prefixes),
        "folders": _wrapped("package caches: ", image.caches),
        "findings": [_finding(finding, report) for finding in sorted(report.open, key=_bytes, reverse=True)],
        "ignored": len(report.findings) - len(report.open),
    }


def _layer_table(image: Image) -> str:
    rows = [
        [
            layer.index,
            size_text(layer.size),
            size_text(layer.dead),
            size_text(_residue(layer)),
            _what_ran(layer.created_by),
        ]
        for layer in image.layers
    ]
    return _table(rows, ["layer", "size", "hidden", "residue", "what ran"], text_columns=1)


def _residue(layer: Layer) -> int:
    return sum(residue.bytes for residue in layer.residue.values())


def _what_ran(created_by: str) -> str:
    """Return the begin of what the history says, without the shell that every RUN has."""
    text = visible(" ".join(created_by.split())).removesuffix(" # buildkit").replace("/bin/sh -c #(nop) ", "")
    text = text.replace("RUN /bin/sh -c ", "RUN ").replace("/bin/sh -c ", "RUN ", 1)
    return text if len(text) <= WHAT_RAN else f"{text[: WHAT_RAN - 3]}..."


def shortened(text: str, width: int) -> str:
    """Return the text, its middle left out where it is longer than `width` characters."""
    if len(text) <= width:
        return text
    head = (width - 3) // 2
    return f"{text[:head]}...{text[len(text) - (width - 3 - head) :]}"


def _cache_table(image: Image) -> str:
    rows = []
    for layer in image.layers:
        cache = layer.cache
        kinds = (cache.archives, cache.extracted, cache.index, cache.needed, cache.shared)
        if any(kinds):
            copied = _what_ran(layer.created_by).startswith(("COPY ", "ADD "))
            savings = ["-", "-"] if copied else [size_text(layer.clean.all), size_text(layer.clean.force)]
            rows.append([layer.index, *map(size_text, kinds), *savings])
    headers = ["layer", "archives", "extracted", "index", "needed", "shared", "all", "force"]
    return _table(rows, headers, text_columns=0) if rows else ""


def _table(rows: list[list[Any]], headers: list[str], *, text_columns: int) -> str:
    from tabulate import tabulate

    numbers = len(headers) - text_columns
    align = ["right"] * numbers + ["left"] * text_columns
    # As a header, tabulate would pad it to more than its width.
    return tabulate([headers, *rows], tablefmt="plain", disable_numparse=True, colalign=align)


def _bytes(finding: Finding) -> int:
    return finding.part.bytes if finding.part else 0


def _finding(finding: Finding, report: Report) -> str:
    part, source = finding.part, report.sources.get(finding.path)
    where = f"layer {part.layer}: " if part else ""
    if source is not None and isinstance(finding.place, Span):
        where = f"{visible(finding.path)}:{source.position(finding.place.start).line}: {where}"
    head = f"{where}{finding.severity.label}[{finding.rule}] {visible(finding.message)}"
    lines = [f"    {shortened(visible(path), WIDTH - 4)}" for path in (part.paths if part else ())[:PATHS_SHOWN]]
    return "\n".join([*_lines(head, "  "), *lines])


def _wrapped(title: str, paths: Iterable[str]) -> str:
    shown = [shortened(visible(path), WIDTH - len(title)) for path in paths]
    return "\n".join(_lines(title + ", ".join(shown), " " * len(title))) if shown else ""


def _lines(text: str, indent: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
