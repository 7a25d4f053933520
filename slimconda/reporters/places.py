"""Owns places and fixes as programs take them: lines and columns, relative URIs, one edit per fix."""

from urllib.parse import quote

from slimconda.findings import Finding, Fix, Report
from slimconda.source import Edit, Source, Span, apply_edits


def uri(report: Report, path: str) -> str:
    """Return the path from the repository's top as a relative URI; undecodable bytes are percent-encoded, too."""
    return quote(report.location(path).encode("utf-8", "surrogateescape"), safe="/")


def located(finding: Finding, report: Report) -> tuple[Source, Span]:
    """Return the source and the span of a finding; the start of an empty file for one without a place in a file."""
    source = report.sources.get(finding.path, Source(finding.path, b""))
    return source, finding.place if isinstance(finding.place, Span) else Span(0, 0)


def by_path(report: Report) -> dict[str, list[Finding]]:
    """Return the findings of each file, those without findings included."""
    found: dict[str, list[Finding]] = {path: [] for path in report.sources}
    for finding in report.findings:
        found.setdefault(finding.path, []).append(finding)
    return found


def readable_edits(fix: Fix | None) -> tuple[Edit, ...]:
    """Return the fix's edits, or none where a text format could not hold what they write."""
    try:
        return () if fix is None or not all(edit.text.decode() is not None for edit in fix.edits) else fix.edits
    except UnicodeDecodeError:
        return ()


def merged(fix: Fix | None, source: Source) -> Edit | None:
    """Return the fix as one edit that spans all of its own; None where it has no readable one."""
    edits = readable_edits(fix)
    if not edits:
        return None
    span = Span(min(edit.span.start for edit in edits), max(edit.span.end for edit in edits))
    moved = [Edit(Span(edit.span.start - span.start, edit.span.end - span.start), edit.text) for edit in edits]
    text = apply_edits(source.read(span), moved)
    return Edit(span, text) if readable_edits(Fix("", (Edit(span, text),))) else None
