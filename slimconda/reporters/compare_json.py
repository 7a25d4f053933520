"""Owns the JSON report of a comparison of two images, version 1. All sizes are bytes."""

import json
from collections.abc import Sequence
from typing import Any

from slimconda.layers.comparison import Change, Comparison
from slimconda.layers.image import Image, Layer
from slimconda.reporters.json import VERSION, clean


def render(comparison: Comparison) -> str:
    """Return what went and what came as JSON text; null stands for what was not there."""
    content = {
        "version": VERSION,
        "before": _image(comparison.before),
        "after": _image(comparison.after),
        "growth": comparison.growth,
        "common_layers": comparison.common,
        "layers": {"gone": _layers(comparison.gone), "new": _layers(comparison.new)},
        "rules": _changes(comparison.rules),
        "environments": _changes(comparison.environments),
        "packages": _changes(comparison.packages),
    }
    return json.dumps(content, indent=2, ensure_ascii=True) + "\n"


def _image(image: Image) -> dict[str, Any]:
    return {"image": clean(image.name), "size": image.size, "residue": image.totals.residue}


def _layers(layers: Sequence[Layer]) -> list[dict[str, Any]]:
    return [
        {"index": layer.index, "digest": clean(layer.digest), "created_by": clean(layer.created_by), "size": layer.size}
        for layer in layers
    ]


def _changes(changes: Sequence[Change]) -> list[dict[str, Any]]:
    return [
        {"name": clean(change.name), "before": change.before, "after": change.after, "difference": change.difference}
        for change in changes
    ]
