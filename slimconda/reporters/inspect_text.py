"""Owns the text report of an image: its layers, its caches by kind, the findings, and the sums, for 80 columns."""

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from slimconda.findings import Finding, Report
from slimconda.layers.image import Image, Layer
from slimconda.reporters.escapes import shortened, visible
from slimconda.source import Span
from slimconda.units import size_text

if TYPE_CHECKING:
    from slimconda.budgets import Exceeded
    from slimconda.layers.environments import Environment

WIDTH = 80
PATHS_SHOWN = 3
WHAT_RAN = 27  # columns that the other columns leave
BAR = 11
FIRST_FINDINGS = 3
PACKAGES_SHOWN = 10
CACHES = """\
package caches by kind (extracted: named by the cache alone; needed: targets of
an environment's symlinks; shared: hard-linked into an environment, free), and
what a clean with --all, or --force-pkgs-dirs, in the same RUN would have saved:"""


def render(image: Image, report: Report, over: "Sequence[Exceeded]" = ()) -> str:
    """Return image and findings as text; what comes from the image is shown without control characters.

    The three largest findings come first, and budgets that are exceeded last.
    """
    parts = ("\n".join(line for line in part if line) for part in _parts(image, report, over))
    return "\n\n".join(part for part in parts if part) + "\n"


def _parts(image: Image, report: Report, over: "Sequence[Exceeded]") -> Iterator[list[str]]:
    """Yield the parts that blank lines divide, as texts of a line or more; empty ones are none."""
    findings = [_finding(finding, report) for finding in sorted(report.open, key=_bytes, reverse=True)]
    yield [_head(image)]
    yield findings[:FIRST_FINDINGS]
    yield [_layer_table(image), "(# in use, x residue, . hidden by later layers)", _base(image)]
    yield [_wrapped("conda environments: ", image.prefixes), _wrapped("package caches: ", image.caches)]
    if caches := _cache_table(image):
        yield [CACHES, caches, _of_caches(image)]
    for environment in image.environments:
        yield [_packages(environment)]
    yield [_duplicates(image)]
    yield findings[FIRST_FINDINGS:]
    yield _sums(image, report)
    yield ["\n".join(_lines(f"over budget: {one.message}", "  ")) for one in over]


def _head(image: Image) -> str:
    count, totals = len(image.layers), image.totals
    text = f"{visible(image.name)}: {size_text(totals.size)} in {count} layer{'' if count == 1 else 's'}"
    share = f"{100 * totals.residue / image.size:.1f} %" if image.size else ""
    return f"{text}, {size_text(totals.residue)} ({share}) of it residue" if totals.residue else text


def _sums(image: Image, report: Report) -> list[str]:
    totals, ignored = image.totals, len(report.findings) - len(report.open)
    shown = f"residue {size_text(totals.residue)}, of it reclaimable {size_text(totals.reclaimable)}"
    return [
        f"visible {size_text(totals.live)}, hidden by later layers {size_text(totals.dead)}",
        shown if totals.residue else "no residue found",
        _bystanders(image),
        f"{ignored} ignored" if ignored else "",
    ]


def _layer_table(image: Image) -> str:
    rows = [
        [
            layer.index,
            size_text(layer.size),
            size_text(layer.dead),
            size_text(_residue(layer)),
            _bar(layer, image),
            _what_ran(layer.created_by),
        ]
        for layer in image.layers
    ]
    return _table(rows, ["layer", "size", "hidden", "residue", "", "what ran"], text_columns=2)


def _bar(layer: Layer, image: Image) -> str:
    """Return a bar as long as the layer is large: # is in use, x is residue, . is hidden without being residue."""
    largest = max(layer.size for layer in image.layers) or 1
    residue = _residue(layer)
    used = min(layer.live, layer.size - residue)
    ends = [round(BAR * part / largest) for part in (used, used + residue, layer.size)]
    return "#" * ends[0] + "x" * (ends[1] - ends[0]) + "." * (ends[2] - ends[1])


def _bystanders(image: Image) -> str:
    sums: dict[str, int] = {}
    for layer in image.layers:
        for kind, count in layer.bystanders.items():
            sums[kind] = sums.get(kind, 0) + count
    text = ", ".join(f"{kind} {size_text(count)}" for kind, count in sorted(sums.items(), key=lambda item: -item[1]))
    return "\n".join(_lines(f"not judged: {text}", "  ")) if text else ""


def _packages(environment: "Environment") -> str:
    head = f"{visible(environment.prefix)}: {size_text(environment.size)} of its own"
    head += f", {size_text(environment.shared)} shared" if environment.shared else ""
    rows = [[size_text(p.size), visible(f"{p.name} {p.version} {p.build}")] for p in environment.packages]
    more = len(rows) - PACKAGES_SHOWN
    table = _table(rows[:PACKAGES_SHOWN], ["size", "package"], text_columns=1) if rows else ""
    return "\n".join([*_lines(head, "  "), *([table] if table else []), *([f"and {more} more"] if more > 0 else [])])


def _duplicates(image: Image) -> str:
    largest = sorted((d for d in image.duplicates if d.size), key=lambda d: -d.size)[:PACKAGES_SHOWN]
    rows = [[size_text(d.size), len(d.prefixes), visible(d.package)] for d in largest]
    return _table(rows, ["again", "times", "package in several environments"], text_columns=1) if rows else ""


def _residue(layer: Layer) -> int:
    return sum(residue.bytes for residue in layer.residue.values())


def _what_ran(created_by: str) -> str:
    """Return the begin of what the history says, without the shell that every RUN has."""
    text = visible(" ".join(created_by.split())).removesuffix(" # buildkit").replace("/bin/sh -c #(nop) ", "")
    text = text.replace("RUN /bin/sh -c ", "RUN ").replace("/bin/sh -c ", "RUN ", 1)
    return text if len(text) <= WHAT_RAN else f"{text[: WHAT_RAN - 3]}..."


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


def _base(image: Image) -> str:
    """Return what lies in the base image, and what can be done about it."""
    layers = [layer for layer in image.layers if layer.base]
    residue = sum(map(_residue, layers))
    if not layers:
        return ""
    text = (
        f"layers 0 to {layers[-1].index} are the base image's, " if len(layers) > 1 else "layer 0 is the base image's, "
    )
    if not residue:
        return "\n".join(_lines(text + "without residue", "  "))
    text += f"{size_text(residue)} of the residue in it: no clean reaches it; take another base, or flatten "
    text += "(FROM scratch and COPY --from=STAGE / / as last stage, where ENV and ENTRYPOINT must be given again)"
    return "\n".join(_lines(text, "  "))


def _of_caches(image: Image) -> str:
    """Return what else is known of the bytes in caches, in one line."""
    sums = {
        "of packages with a newer version there": sum(layer.cache.older for layer in image.layers),
        "trash": sum(layer.cache.trash for layer in image.layers),
    }
    text = ", ".join(f"{size_text(count)} {what}" for what, count in sums.items() if count)
    return f"of these bytes {text}" if text else ""


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
