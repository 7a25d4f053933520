"""Owns reviewdog's diagnostic format with one diagnostic a line."""

import json

from slimconda.findings import Report
from slimconda.reporters.rdjson import diagnostics


def render(report: Report) -> str:
    """Return a line of JSON for each open finding."""
    return "".join(f"{json.dumps(diagnostic, ensure_ascii=True)}\n" for diagnostic in diagnostics(report))
