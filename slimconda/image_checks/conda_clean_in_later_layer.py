"""Measures package caches that a later layer hides."""

from collections.abc import Iterator

from slimconda.findings import LayerPart, Problem
from slimconda.layers.image import Image
from slimconda.layers.residue import CLEANED_LATER
from slimconda.rulebook import Rule
from slimconda.units import size_text


def check_image(_rule: Rule, image: Image) -> Iterator[Problem]:
    """Yield each layer that stores a package cache which a later layer hides."""
    for layer in image.layers:
        residue = layer.residue.get(CLEANED_LATER)
        if residue and layer.exceeds_leftovers(CLEANED_LATER):
            message = f"a later layer hides {size_text(residue.bytes)} of package cache that this one stores"
            yield Problem(message, LayerPart(layer.index, residue.bytes, residue.paths))
