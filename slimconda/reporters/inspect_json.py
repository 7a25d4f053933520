"""Owns the JSON report of an image, version 1. All sizes are bytes."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from slimconda.findings import Finding, Report
from slimconda.layers.image import Image, Layer
from slimconda.reporters.escapes import clean
from slimconda.reporters.json import VERSION, finding_fields
from slimconda.source import Source

if TYPE_CHECKING:
    from slimconda.budgets import Exceeded
    from slimconda.layers.environments import Duplicate, Environment
    from slimconda.provenance import Tie


def render(image: Image, report: Report, tie: "Tie | None" = None, over: "Sequence[Exceeded]" = ()) -> str:
    """Return image and findings as JSON text; undecodable bytes become U+FFFD.

    With a tie each layer has the lines of the instruction that made it, null for those of the base. `over` are budgets
    that are exceeded.
    """
    content = {
        "version": VERSION,
        "image": clean(image.name),
        "size": image.size,
        "prefixes": [clean(path) for path in image.prefixes],
        "caches": [clean(path) for path in image.caches],
        "layers": [_layer(layer, tie) for layer in image.layers],
        "findings": [_finding(finding, report.sources.get(finding.path)) for finding in report.findings],
        "totals": asdict(image.totals),
        "environments": [_environment(environment) for environment in image.environments],
        "duplicates": [_duplicate(duplicate) for duplicate in image.duplicates],
        "budgets": [{**asdict(one), "message": one.message} for one in over],
    }
    return json.dumps(content, indent=2, ensure_ascii=True) + "\n"


def _layer(layer: Layer, tie: "Tie | None") -> dict[str, Any]:
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
        "advice": {rule: residue.bytes for rule, residue in layer.advice.items()},
        "bystanders": layer.bystanders,
        **(_instruction(layer, tie) if tie else {}),
        "cache": asdict(layer.cache),
        "clean": asdict(layer.clean),
    }


def _instruction(layer: Layer, tie: "Tie") -> dict[str, Any]:
    made_by = tie.instructions.get(layer.index)
    fields = {"keyword": made_by.keyword, "line": made_by.start_line, "end_line": made_by.end_line} if made_by else None
    return {"instruction": fields}


def _environment(environment: "Environment") -> dict[str, Any]:
    packages = [{key: _clean(value) for key, value in asdict(package).items()} for package in environment.packages]
    return {
        "prefix": clean(environment.prefix),
        "size": environment.size,
        "shared": environment.shared,
        "packages": packages,
    }


def _duplicate(duplicate: "Duplicate") -> dict[str, Any]:
    prefixes = [clean(prefix) for prefix in duplicate.prefixes]
    return {"package": clean(duplicate.package), "prefixes": prefixes, "size": duplicate.size}


def _clean(value: object) -> object:
    return clean(value) if isinstance(value, str) else value


def _packed(layer: Layer) -> dict[str, int] | None:
    """Return what the residue takes of the compressed blob, by rule; null where the layer is plain."""
    if layer.packed is None:
        return None
    return {rule: residue.packed for rule, residue in layer.residue.items()}


def _finding(finding: Finding, source: Source | None) -> dict[str, Any]:
    part = finding.part
    return {
        **finding_fields(finding, source),
        "layer": part.layer if part else None,
        "bytes": part.bytes if part else None,
        "paths": [clean(path) for path in part.paths] if part else [],
    }
