"""Owns the report of one line per finding, as editors and grep take it."""

from slimconda.findings import Finding, Report
from slimconda.reporters.escapes import visible
from slimconda.source import Source, Span


def render(report: Report) -> str:
    """Return `path:line:column: severity[rule] message` for each open finding."""
    return "".join(f"{line(finding, report.sources.get(finding.path))}\n" for finding in report.open)


def line(finding: Finding, source: Source | None) -> str:
    """Return one finding on one line."""
    path = visible(finding.path)
    if source is not None and isinstance(finding.place, Span):
        place = source.position(finding.place.start)
        path = f"{path}:{place.line}:{place.column}"
    return f"{path}: {finding.severity.label}[{finding.rule}] {visible(finding.message)}"
