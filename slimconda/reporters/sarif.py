"""Owns the SARIF 2.1.0 report: rules with their cards as help, exact regions, stable fingerprints, fixes."""

import json
from typing import Any

from slimconda import __version__
from slimconda.findings import Finding, Report, Safety, Severity
from slimconda.fingerprints import fingerprints
from slimconda.reporters.escapes import clean, visible
from slimconda.reporters.places import located, readable_edits, uri
from slimconda.rulebook import Rule, load_rules
from slimconda.source import Source, Span

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
# GitHub takes 25,000 results of a run.
MOST_RESULTS = 25_000


def render(report: Report) -> str:
    """Return the report as SARIF; ignored findings are suppressed results."""
    named = zip(report.findings, fingerprints(report), strict=True)
    findings = sorted(named, key=lambda pair: (pair[0].ignored, -pair[0].severity))
    numbers = {name: number for number, name in enumerate(load_rules())}
    results = [_result(f, numbers[f.rule], report, name) for f, name in findings[:MOST_RESULTS]]
    run = {
        "tool": {"driver": _driver()},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {"%SRCROOT%": {"description": {"text": "the top of the repository"}}},
        "invocations": [_invocation(len(findings) - len(results))],
        "results": results,
    }
    content = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(content, indent=2, ensure_ascii=True) + "\n"


def _driver() -> dict[str, Any]:
    rules = [_rule(rule) for rule in load_rules().values()]
    site = "https://github.com/slimconda/slimconda"
    return {"name": "slimconda", "semanticVersion": __version__, "informationUri": site, "rules": rules}


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.name,
        "name": "".join(part.capitalize() for part in rule.name.split("-")),
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.title},
        "help": {"text": rule.help, "markdown": rule.help},
        "helpUri": rule.url,
        "defaultConfiguration": {"enabled": rule.default, "level": LEVELS[rule.severity]},
        "properties": {"tags": ["docker", "conda"], "precision": "high", "problem.severity": _problem(rule.severity)},
    }


def _problem(severity: Severity) -> str:
    return "recommendation" if severity is Severity.INFO else severity.label


def _invocation(cut: int) -> dict[str, Any]:
    if not cut:
        return {"executionSuccessful": True}
    text = f"{cut} results are left out, since GitHub takes {MOST_RESULTS} of a run"
    note = {"level": "warning", "message": {"text": text}}
    return {"executionSuccessful": True, "toolExecutionNotifications": [note]}


def _result(finding: Finding, rule: int, report: Report, fingerprint: str) -> dict[str, Any]:
    source, span = located(finding, report)
    place = {"artifactLocation": _artifact(finding, report), "region": region(source, span)}
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": rule,
        "level": LEVELS[finding.severity],
        "message": {"text": clean(visible(finding.message))},
        "locations": [{"physicalLocation": place}],
        "partialFingerprints": {"slimconda/v1": fingerprint},
    }
    if edits := readable_edits(finding.fix):
        replacements = [
            {"deletedRegion": region(source, edit.span), "insertedContent": {"text": edit.text.decode()}}
            for edit in edits
        ]
        change = {"artifactLocation": _artifact(finding, report), "replacements": replacements}
        result["fixes"] = [{"description": {"text": _title(finding)}, "artifactChanges": [change]}]
    return result | ({"suppressions": [{"kind": "inSource"}]} if finding.ignored else {})


def _title(finding: Finding) -> str:
    unsafe = finding.fix is not None and finding.fix.safety is Safety.UNSAFE
    return visible(f"{finding.fix.title if finding.fix else ''}{' (unsafe)' if unsafe else ''}")


def _artifact(finding: Finding, report: Report) -> dict[str, Any]:
    return {"uri": uri(report, finding.path), "uriBaseId": "%SRCROOT%"}


def region(source: Source, span: Span) -> dict[str, int]:
    """Return a span as lines and columns from 1, in characters; the end column is behind the last one."""
    start, end = source.position(span.start), source.position(span.end)
    return {"startLine": start.line, "startColumn": start.column, "endLine": end.line, "endColumn": end.column}
