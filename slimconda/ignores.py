"""Owns the writing of pragmas: a comment above each instruction that has findings, with a reason."""

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import replace

from slimconda.compose import inline_dockerfiles
from slimconda.config import Config
from slimconda.errors import InputError
from slimconda.findings import Finding, Report
from slimconda.inline import moved, piece_config, piece_source, with_texts
from slimconda.judge import is_compose, lint_file
from slimconda.linter import lint
from slimconda.source import Edit, Source, Span, apply_edits

BOM = b"\xef\xbb\xbf"
NOT_IGNORED = frozenset({"environment-file-broken", "syntax-error", "unused-ignore"})


def add_ignores(report: Report, config: Config, reason: str) -> tuple[bytes, int]:
    """Return one file's bytes with a pragma for each open finding, and how many findings they silence.

    Raises InputError where the new text would not be read as it should, and for a file that has no pragmas.
    """
    (path, source), *_ = report.sources.items()
    if is_compose(path):
        return _in_compose(source, report, config, reason)
    return _in_text(source, report.open, config, reason, lint_file)


def _in_compose(source: Source, report: Report, config: Config, reason: str) -> tuple[bytes, int]:
    wanted, texts, total = set(report.open), [], 0
    for piece in inline_dockerfiles(source.data):
        own, settings = piece_source(piece, source), piece_config(piece, config)
        found = [f for f in lint(own, settings).open if moved(f, piece, source.path) in wanted]
        text, count = _in_text(own, found, settings, reason, lint)
        texts += [(piece, text)] if count else []
        total += count
    return with_texts(source, texts), total


def _in_text(
    source: Source, wanted: Collection[Finding], config: Config, reason: str, judge: Callable[[Source, Config], Report]
) -> tuple[bytes, int]:
    """Return the text with pragmas; line ends are those of the line below, or of the file where that has none."""
    findings = [f for f in wanted if f.instruction is not None and f.rule not in NOT_IGNORED]
    rules: dict[Span, list[str]] = {}
    for finding in findings:
        if finding.instruction is not None:
            rules.setdefault(finding.instruction, []).append(finding.rule)
    edits = [_pragma(source, span, sorted(set(names)), reason) for span, names in rules.items()]
    data = apply_edits(source.data, edits)
    before, after = _counted(judge(source, config).open), _counted(judge(replace(source, data=data), config).open)
    if after != before - _counted(findings):
        raise InputError(f"{source.path}: left as it is: the pragmas would not silence just what is found")
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


def _counted(findings: Collection[Finding]) -> Counter[tuple[str, str]]:
    return Counter((finding.rule, finding.message) for finding in findings)
