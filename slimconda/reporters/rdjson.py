"""Owns reviewdog's diagnostic format, in which a fix is a suggestion."""

import json
from typing import Any

from slimconda.findings import Finding, Report, Severity
from slimconda.reporters.escapes import clean, visible
from slimconda.reporters.places import located, merged
from slimconda.rulebook import load_rules
from slimconda.source import Source, Span

SEVERITIES = {Severity.ERROR: "ERROR", Severity.WARNING: "WARNING", Severity.INFO: "INFO"}
SOURCE = {"name": "slimconda", "url": "https://github.com/slimconda/slimconda"}


def render(report: Report) -> str:
    """Return the open findings as one JSON document."""
    worst = max((finding.severity for finding in report.open), default=Severity.INFO)
    content = {"source": SOURCE, "severity": SEVERITIES[worst], "diagnostics": diagnostics(report)}
    return json.dumps(content, indent=2, ensure_ascii=True) + "\n"


def diagnostics(report: Report) -> list[dict[str, Any]]:
    """Return a diagnostic for each open finding; columns count UTF-8 bytes from 1."""
    return [_diagnostic(finding, report) for finding in report.open]


def _diagnostic(finding: Finding, report: Report) -> dict[str, Any]:
    source, span = located(finding, report)
    diagnostic: dict[str, Any] = {
        "message": clean(visible(finding.message)),
        "location": {"path": clean(report.location(finding.path)), "range": _range(source, span)},
        "severity": SEVERITIES[finding.severity],
        "source": SOURCE,
        "code": {"value": finding.rule, "url": load_rules()[finding.rule].url},
    }
    edit = merged(finding.fix, source)
    if edit is not None:
        diagnostic["suggestions"] = [{"range": _range(source, edit.span), "text": edit.text.decode()}]
    return diagnostic


def _range(source: Source, span: Span) -> dict[str, dict[str, int]]:
    return {"start": _position(source, span.start), "end": _position(source, span.end)}


def _position(source: Source, offset: int) -> dict[str, int]:
    line = source.line_of(offset)
    return {"line": line, "column": offset - source.line_start(line) + 1}
