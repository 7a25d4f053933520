"""Owns the JSON report of an image, version 1. All sizes are bytes."""

import json
from dataclasses import asdict
from typing import Any

from slimconda.findings import Finding, LayerPart, Report
from slimconda.layers.image import Image, Layer
from slimconda.reporters.escapes import clean
from slimconda.reporters.json import VERSION, finding_fields


def render(image: Image, report: Report) -> str:
    """Return image and findings as JSON text; undecodable bytes become U+FFFD."""
    content = {
        "version": VERSION,
        "image": clean(image.name),
        "size": image.size,
        "prefixes": [clean(path) for path in image.prefixes],
        "caches": [clean(path) for path in image.caches],
        "layers": [_layer(layer) for layer in image.layers],
        "findings": [_finding(finding) for finding in report.findings],
        "totals": asdict(image.totals),
    }
    return json.dumps(content, indent=2, ensure_ascii=True) + "\n"


def _layer(layer: Layer) -> dict[str, Any]:
    return {
        "index": layer.index,
        "digest": clean(layer.digest),
        "created_by": clean(layer.created_by),
        "size": layer.size,
        "live": layer.live,
        "dead": layer.dead,
        "symlinks": layer.symlinks,
        "packed": layer.packed,
        "base": layer.base,
        "residue": {rule: residue.bytes for rule, residue in layer.residue.items()},
        "packed_residue": _packed(layer),
        "bystanders": layer.bystanders,
        "cache": asdict(layer.cache),
        "clean": asdict(layer.clean),
    }


def _packed(layer: Layer) -> dict[str, int] | None:
    """Return what the residue takes of the compressed blob, by rule; null where the layer is plain."""
    if layer.packed is None:
        return None
    return {rule: residue.packed for rule, residue in layer.residue.items()}


def _finding(finding: Finding) -> dict[str, Any]:
    part = finding.place if isinstance(finding.place, LayerPart) else None
    return {
        **finding_fields(finding, None),
        "layer": part.layer if part else None,
        "bytes": part.bytes if part else None,
        "paths": [clean(path) for path in part.paths] if part else [],
    }
