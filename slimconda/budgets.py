"""Owns the limits that a project sets for its image, and what exceeds them: by layer, rule and bytes."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

from slimconda.errors import ConfigurationError
from slimconda.predecessor import Predecessor
from slimconda.units import size_text

if TYPE_CHECKING:
    from slimconda.layers.image import Image, Layer

SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(|[kKMGT]i?)B?")
POWERS = {"": 0, "k": 1, "K": 1, "M": 2, "G": 3, "T": 4}
# 57 MB of apt's and dpkg's own noise failed a small image by its ratio alone (layers.md section 6).
FLOOR = 10_000_000


@dataclass(frozen=True)
class Budget:
    """Limits in bytes, and the residue in percent of the size; None for one that is not set.

    The ratio is not judged while the residue is below the `floor`. What lies in the base image is no residue here.
    """

    size: int | None = None
    residue: int | None = None
    residue_percent: float | None = None
    growth: int | None = None
    floor: int = FLOOR


@dataclass(frozen=True)
class Exceeded:
    """A limit that the image exceeds: its option, both figures, and the layer, rule and bytes that weigh most."""

    option: str
    found: float
    limit: float
    layer: int
    rule: str | None
    bytes: int

    @property
    def message(self) -> str:
        """Return one line that names all of it."""
        percent = self.option.endswith("percent")
        found, limit = (_figure(value, percent=percent) for value in (self.found, self.limit))
        weighs = f"; most of it: layer {self.layer}" if self.layer is not None else ""
        rule = f", {self.rule}" if self.rule else ""
        return f"{self.option}: {found}, more than {limit}{weighs}{rule}, {self.bytes:,} B"


def _figure(figure: float, *, percent: bool) -> str:
    return f"{figure:.1f} %" if percent else f"{size_text(int(figure))} ({int(figure):,} B)"


def parse_size(text: str) -> int:
    """Return the bytes that a text such as 50MB, 1.5GiB or 1000 means; raises ConfigurationError."""
    match = SIZE.fullmatch(text.strip())
    if match is None:
        raise ConfigurationError(f"{text!r} is no size: write 50MB, 1.5GiB or a number of bytes")
    base = 1024 if match[2].endswith("i") else 1000
    size = float(match[1]) * float(base ** POWERS[match[2].removesuffix("i")])
    if size == inf:
        raise ConfigurationError(f"{text[:20]!r}... is too large a size")
    return round(size)


def exceeded(image: "Image", budget: Budget, predecessor: Predecessor | None = None) -> Iterator[Exceeded]:
    """Yield each limit that the image exceeds; growth is judged against a predecessor alone."""
    if budget.size is not None and image.size > budget.size:
        yield _of_size("--max-size", image.size, budget.size, image.layers)
    if budget.growth is not None and predecessor is not None and image.size - predecessor.size > budget.growth:
        new = [layer for layer in image.layers if layer.digest not in predecessor.digests]
        yield _of_size("--max-growth", image.size - predecessor.size, budget.growth, new or image.layers)
    parts = [
        (part.bytes, layer.index, rule)
        for layer in image.layers
        if not layer.base
        for rule, part in layer.residue.items()
    ]
    residue = sum(part[0] for part in parts)
    if budget.residue is not None and residue > budget.residue:
        yield _of_residue("--max-residue", residue, budget.residue, parts)
    percent = 100 * residue / image.size if image.size else 0.0
    if budget.residue_percent is not None and percent > budget.residue_percent and residue > budget.floor:
        yield _of_residue("--max-residue-percent", percent, budget.residue_percent, parts)


def _of_size(option: str, found: int, limit: int, layers: "Sequence[Layer]") -> Exceeded:
    largest = max(layers, key=lambda layer: layer.size)
    return Exceeded(option, found, limit, largest.index, None, largest.size)


def _of_residue(option: str, found: float, limit: float, parts: Sequence[tuple[int, int, str]]) -> Exceeded:
    count, layer, rule = max(parts)
    return Exceeded(option, found, limit, layer, rule, count)
