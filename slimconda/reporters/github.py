"""Owns GitHub's workflow commands: one annotation per finding, the worst first."""

from slimconda.findings import Finding, Report, Severity
from slimconda.reporters.text import summary, visible
from slimconda.source import Source, Span

LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


def render(report: Report) -> str:
    """Return the annotations, and the summary as a plain line."""
    findings = sorted(report.open, key=lambda finding: -finding.severity)
    lines = [_annotation(finding, report.sources.get(finding.path)) for finding in findings]
    return "".join(f"{line}\n" for line in [*lines, summary(report)])


def _annotation(finding: Finding, source: Source | None) -> str:
    properties = {"title": f"slimconda: {finding.rule}"}
    if source is not None and isinstance(finding.place, Span):
        properties = {"file": visible(finding.path.removeprefix("./")), **_lines(finding.place, source), **properties}
    joined = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{LEVELS[finding.severity]} {joined}::{_data(visible(finding.message))}"


def _lines(place: Span, source: Source) -> dict[str, str]:
    start, end = source.position(place.start), source.position(place.end)
    lines = {"line": str(start.line), "endLine": str(end.line)}
    # GitHub refuses columns of a place that spans lines.
    return lines | {"col": str(start.column), "endColumn": str(end.column)} if start.line == end.line else lines


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
