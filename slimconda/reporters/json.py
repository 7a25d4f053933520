"""Owns the JSON report of Dockerfiles, version 1."""

import json
from typing import Any

from slimconda import __version__
from slimconda.findings import Finding, Fix, Report, Severity
from slimconda.fingerprints import fingerprints
from slimconda.reporters.escapes import clean
from slimconda.source import Source, Span

__all__ = ["VERSION", "clean", "finding_fields", "render"]

VERSION = 1


def render(report: Report) -> str:
    """Return the report as JSON text; undecodable bytes become U+FFFD."""
    content = {
        "version": VERSION,
        "tool": {"name": "slimconda", "version": __version__},
        "findings": [
            finding_fields(finding, report.sources.get(finding.path)) | {"fingerprint": fingerprint}
            for finding, fingerprint in zip(report.findings, fingerprints(report), strict=True)
        ],
        "summary": _summary(report),
    }
    return json.dumps(content, indent=2, ensure_ascii=True) + "\n"


def finding_fields(finding: Finding, source: Source | None) -> dict[str, Any]:
    """Return a finding's fields; lines and columns are null where it has no place in a file."""
    return {
        "rule": finding.rule,
        "severity": finding.severity.label,
        "message": clean(finding.message),
        "path": clean(finding.path),
        **_place(finding, source),
        "stage": finding.stage,
        "ignored": finding.ignored,
        "fix": _fix(finding.fix) if finding.fix else None,
        "unfixable": finding.unfixable,
    }


def _place(finding: Finding, source: Source | None) -> dict[str, int | None]:
    if source is None or not isinstance(finding.place, Span):
        return dict.fromkeys(("line", "column", "end_line", "end_column"))
    start, end = source.position(finding.place.start), source.position(finding.place.end)
    return {"line": start.line, "column": start.column, "end_line": end.line, "end_column": end.column}


def _fix(fix: Fix) -> dict[str, Any]:
    edits = [
        {"start": edit.span.start, "end": edit.span.end, "text": edit.text.decode("utf-8", "replace")}
        for edit in fix.edits
    ]
    return {"safety": fix.safety.value, "title": fix.title, "edits": edits}


def _summary(report: Report) -> dict[str, int]:
    counts = {severity.label: sum(f.severity is severity for f in report.open) for severity in Severity}
    return {
        "files": len(report.sources),
        "findings": len(report.open),
        **counts,
        "ignored": len(report.findings) - len(report.open),
        "fixable": sum(finding.fix is not None for finding in report.open),
        "accepted": report.accepted,
        "older": report.older,
        "templates": len(report.templates),
    }
