"""Owns the JUnit report: a suite per Dockerfile, a failed case per finding, a passed one where nothing was found."""

from xml.etree.ElementTree import Element, SubElement, indent, tostring

from slimconda.findings import Finding, Report
from slimconda.reporters import concise
from slimconda.reporters.escapes import xml
from slimconda.reporters.places import by_path, located


def render(report: Report) -> str:
    """Return the report as XML; a pragma's findings are skipped cases."""
    root = Element("testsuites", name="slimconda")
    for path, findings in by_path(report).items():
        _suite(root, xml(report.location(path)), findings, report)
    root.set("tests", str(len(root.findall(".//testcase"))))
    root.set("failures", str(len(root.findall(".//failure"))))
    indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _suite(root: Element, name: str, findings: list[Finding], report: Report) -> None:
    failures = sum(not finding.ignored for finding in findings)
    counts = {"tests": str(len(findings) or 1), "failures": str(failures), "errors": "0"}
    suite = SubElement(root, "testsuite", name=name, time="0")
    suite.attrib |= counts | {"skipped": str(len(findings) - failures)}
    for finding in findings:
        _case(suite, finding, report)
    if not findings:
        SubElement(suite, "testcase", name="slimconda lint", classname=name, time="0")


def _case(suite: Element, finding: Finding, report: Report) -> None:
    source, span = located(finding, report)
    line = source.line_of(span.start)
    path = xml(report.location(finding.path))
    case = SubElement(suite, "testcase", name=f"{finding.rule} line {line}", classname=path, time="0")
    case.attrib |= {"file": path, "line": str(line)}
    if finding.ignored:
        SubElement(case, "skipped", message="a pragma ignores it")
    else:
        failure = SubElement(case, "failure", message=xml(finding.message), type=finding.severity.label)
        failure.text = xml(concise.line(finding, source))
