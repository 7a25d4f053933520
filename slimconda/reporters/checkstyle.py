"""Owns the Checkstyle report, which Jenkins and many others read."""

from xml.etree.ElementTree import Element, SubElement, indent, tostring

from slimconda.findings import Finding, Report
from slimconda.reporters.escapes import xml
from slimconda.reporters.places import by_path, located


def render(report: Report) -> str:
    """Return the open findings as XML, by file; a file without findings has an empty element."""
    root = Element("checkstyle", version="4.3")
    for path, findings in by_path(report).items():
        file = SubElement(root, "file", name=xml(report.location(path)))
        for finding in findings:
            if not finding.ignored:
                _error(file, finding, report)
    indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _error(file: Element, finding: Finding, report: Report) -> None:
    source, span = located(finding, report)
    place = source.position(span.start)
    error = SubElement(file, "error", line=str(place.line), column=str(place.column))
    error.attrib |= {"severity": finding.severity.label, "message": xml(finding.message)}
    error.set("source", f"slimconda.{finding.rule}")
