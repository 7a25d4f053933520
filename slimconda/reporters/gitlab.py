"""Owns GitLab's Code Quality report."""

import json
from typing import Any

from slimconda.findings import Finding, Report, Severity
from slimconda.fingerprints import fingerprints
from slimconda.reporters.escapes import clean, visible
from slimconda.reporters.places import located
from slimconda.source import Position

SEVERITIES = {Severity.ERROR: "critical", Severity.WARNING: "minor", Severity.INFO: "info"}


def render(report: Report) -> str:
    """Return the open findings; GitLab shows the description alone, so that it names the rule."""
    named = zip(report.findings, fingerprints(report), strict=True)
    issues = [_issue(finding, report, fingerprint) for finding, fingerprint in named if not finding.ignored]
    return json.dumps(issues, indent=2, ensure_ascii=True) + "\n"


def _issue(finding: Finding, report: Report, fingerprint: str) -> dict[str, Any]:
    source, span = located(finding, report)
    start, end = source.position(span.start), source.position(span.end)
    return {
        "description": clean(visible(f"{finding.rule}: {finding.message}")),
        "check_name": finding.rule,
        "fingerprint": fingerprint,
        "severity": SEVERITIES[finding.severity],
        "location": {
            "path": clean(report.location(finding.path)),
            "lines": {"begin": start.line, "end": end.line},
            "positions": {"begin": _position(start), "end": _position(end)},
        },
    }


def _position(position: Position) -> dict[str, int]:
    return {"line": position.line, "column": position.column}
