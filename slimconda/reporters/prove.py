"""Owns the reports of a proof: as text for people, as JSON version 1."""

import json
from collections.abc import Mapping
from typing import Any

from slimconda import __version__
from slimconda.prove.comparison import Difference
from slimconda.prove.proof import Proof
from slimconda.reporters.text import visible

VERSION = 1
SHOWN = 20


def render(proof: Proof, path: str) -> str:
    """Return the proof as text; bytes are exact, since they are compared."""
    lines = [
        f"{visible(path)}: {len(proof.fixed)} findings fixed, built before and after",
        (
            f"image: {proof.before:,} -> {proof.after:,} bytes, {proof.before - proof.after:,} saved, "
            f"{proof.announced:,} announced"
        ),
        *(f"  {saved.rule}: {saved.gone:,} bytes gone, {saved.announced:,} announced" for saved in proof.saved),
        f"files: {proof.comparison.equal:,} equal",
        *_counted("residue of", proof.comparison.residue),
        *_counted("expected,", proof.comparison.expected),
        *_others(proof.comparison.others),
    ]
    return "".join(f"{line}\n" for line in lines)


def _counted(title: str, parts: Mapping[str, tuple[Difference, ...]]) -> list[str]:
    return [f"  {title} {name}: {len(found):,} differ" for name, found in sorted(parts.items())]


def _others(others: tuple[Difference, ...]) -> list[str]:
    if not others:
        return ["nothing else differs (times are not compared)"]
    shown = [f"  {one.how}: {visible(one.path)}" for one in others[:SHOWN]]
    more = [f"  and {len(others) - SHOWN:,} more"] if len(others) > SHOWN else []
    return [f"{len(others):,} other differences:", *shown, *more]


def render_json(proof: Proof, path: str) -> str:
    """Return the proof as JSON text; undecodable bytes become U+FFFD."""
    comparison = proof.comparison
    content = {
        "version": VERSION,
        "tool": {"name": "slimconda", "version": __version__},
        "path": _clean(path),
        "holds": proof.holds,
        "fixed": [finding.rule for finding in proof.fixed],
        "size": {"before": proof.before, "after": proof.after},
        "rules": {saved.rule: {"announced": saved.announced, "gone": saved.gone} for saved in proof.saved},
        "equal": comparison.equal,
        "residue": {name: [_fields(one) for one in found] for name, found in comparison.residue.items()},
        "expected": {name: [_fields(one) for one in found] for name, found in comparison.expected.items()},
        "others": [_fields(one) for one in comparison.others],
    }
    return json.dumps(content, indent=2, ensure_ascii=True) + "\n"


def _fields(difference: Difference) -> dict[str, Any]:
    return {"path": _clean(difference.path), "how": difference.how, "bytes": difference.size}


def _clean(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
