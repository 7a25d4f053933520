"""Owns the image side of rules that have only globs in their card: what of them a layer stores is the finding."""

from collections.abc import Iterator

from slimconda.findings import LayerPart, Problem
from slimconda.layers.image import Image
from slimconda.rulebook import Rule
from slimconda.units import size_text

# Empty caches keep marks and locks of some hundred bytes, which nobody gains from removing.
SMALLEST = 100_000


def check_image(rule: Rule, image: Image) -> Iterator[Problem]:
    """Yield each layer that stores enough of what the rule's globs name, under no name that they do not."""
    for layer in image.layers:
        residue = layer.residue.get(rule.name) or layer.advice.get(rule.name)
        if residue and residue.bytes >= SMALLEST:
            message = f"{size_text(residue.bytes)} in this layer: {rule.title}"
            yield Problem(message, LayerPart(layer.index, residue.bytes, residue.paths))
