"""Owns the writing of pragmas: a comment above each instruction that has findings, with a reason."""

from collections import Counter
from dataclasses import replace

from slimconda.config import Config
from slimconda.errors import InputError
from slimconda.findings import Report
from slimconda.linter import lint
from slimconda.source import Edit, Source, Span, apply_edits

BOM = b"\xef\xbb\xbf"
NOT_IGNORED = frozenset({"syntax-error", "unused-ignore"})


def add_ignores(report: Report, config: Config, reason: str) -> tuple[bytes, int]:
    """Return one file's bytes with a pragma for each open finding, and how many findings they silence.

    Line ends are those of the line below, or of the file where that has none. Raises InputError where the new text
    would not be read as it should.
    """
    (path, source), *_ = report.sources.items()
    findings = [f for f in report.open if f.instruction is not None and f.rule not in NOT_IGNORED]
    rules: dict[Span, list[str]] = {}
    for finding in findings:
        if finding.instruction is not None:
            rules.setdefault(finding.instruction, []).append(finding.rule)
    data = apply_edits(
        source.data, [_pragma(source, span, sorted(set(names)), reason) for span, names in rules.items()]
    )
    if _open(lint(replace(source, data=data), config)) != _open(report) - _open(Report(tuple(findings))):
        raise InputError(f"{path}: left as it is: the pragmas would not silence just what is found")
    return data, len(findings)


def _pragma(source: Source, span: Span, rules: list[str], reason: str) -> Edit:
    line = source.read(source.line_span(source.line_of(span.start)))
    start = span.start + (len(BOM) if span.start == 0 and line.startswith(BOM) else 0)
    text = line.removeprefix(BOM)
    indent = text[: len(text) - len(text.lstrip(b" \t"))]
    example = line if line.endswith(b"\n") else source.data
    end = b"\r\n" if b"\r\n" in example else b"\n"
    pragma = f"# slimconda: ignore[{', '.join(rules)}] {reason}".encode()
    return Edit(Span(start, start), indent + pragma + end)


def _open(report: Report) -> Counter[tuple[str, str]]:
    return Counter((finding.rule, finding.message) for finding in report.open)
