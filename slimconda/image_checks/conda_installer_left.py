"""Measures installers that a layer stores."""

import posixpath
from collections.abc import Iterator

from slimconda.findings import LayerPart, Problem
from slimconda.layers.image import Image
from slimconda.layers.residue import INSTALLER_LEFT
from slimconda.rulebook import Rule
from slimconda.units import size_text


def check_image(_rule: Rule, image: Image) -> Iterator[Problem]:
    """Yield each layer that stores an installer, whether or not a later layer hides it."""
    for layer in image.layers:
        residue = layer.residue.get(INSTALLER_LEFT)
        if residue:
            names = ", ".join(posixpath.basename(path) for path in residue.paths)
            message = f"this layer stores {size_text(residue.bytes)} of installers ({names})"
            yield Problem(message, LayerPart(layer.index, residue.bytes, residue.paths))
