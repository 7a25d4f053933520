"""Measures package caches that nothing deletes later."""

from collections.abc import Iterator

from slimconda.findings import LayerPart, Problem
from slimconda.layers.image import Image
from slimconda.layers.residue import CACHE_LEFT
from slimconda.rulebook import Rule
from slimconda.units import size_text


def check_image(_rule: Rule, image: Image) -> Iterator[Problem]:
    """Yield each layer with a package cache that nothing deletes later.

    What a clean in the same layer would have left, or has left, is no finding: packages that are linked into an
    environment, and lists of URLs.
    """
    for layer in image.layers:
        residue, cache = layer.residue.get(CACHE_LEFT), layer.cache
        if residue and layer.exceeds_leftovers(CACHE_LEFT):
            kinds = {"archives": cache.archives, "unlinked packages": cache.extracted, "index": cache.index}
            parts = ", ".join(f"{size_text(count)} {kind}" for kind, count in kinds.items() if count)
            message = f"{size_text(residue.bytes)} of package cache stay in this layer" + (
                f" ({parts})" if parts else ""
            )
            yield Problem(message, LayerPart(layer.index, residue.bytes, residue.paths))
