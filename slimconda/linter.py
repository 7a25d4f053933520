"""Owns the way from a Dockerfile or an environment file to a report.

It runs checks, stamps rule and severity, obeys pragmas.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from slimconda.checks import CHECKS, Check
from slimconda.config import Config
from slimconda.dockerfile.analysis import Analysis
from slimconda.dockerfile.parser import Dockerfile, parse
from slimconda.dockerfile.pragmas import Pragma, read_environment_pragmas, read_pragmas
from slimconda.errors import InputError
from slimconda.findings import Finding, Report
from slimconda.kinds import Kind, kind_of
from slimconda.rulebook import Rule, load_rules
from slimconda.source import Source, Span
from slimconda.stamps import stamped

if TYPE_CHECKING:
    from slimconda.environments.file import EnvironmentFile, Pins

SYNTAX_ERROR = "syntax-error"
DEEPEST = 64  # statements of an environment file that may start before a place and hold it


def lint(source: Source, config: Config) -> Report:
    """Return the report of one Dockerfile; raises InputError where it is no text or empty."""
    return lint_dockerfile(parse(source), config)


def lint_dockerfile(dockerfile: Dockerfile, config: Config) -> Report:
    """Return the report of a parsed Dockerfile. One that Docker would refuse gets that finding and no other."""
    if dockerfile.template:
        path = dockerfile.source.path
        return Report((), {path: dockerfile.source}, templates=(path,))
    findings = list(_findings(Analysis(dockerfile, config), config))
    pragmas = list(read_pragmas(dockerfile))
    findings = [replace(finding, ignored=_is_ignored(finding, pragmas)) for finding in findings]
    read = [] if dockerfile.problems else pragmas
    findings += _pragma_findings(read, findings, config, dockerfile.source.path)
    findings.sort(key=lambda finding: (_start(finding), finding.rule))
    spans = [instruction.span for instruction in dockerfile.instructions]
    findings = [replace(finding, instruction=_holder(finding, spans)) for finding in findings]
    return Report(tuple(findings), {dockerfile.source.path: dockerfile.source})


def lint_environment(source: Source, config: Config, pins: "Pins | None" = None) -> Report:
    """Return the report of an environment file of any kind; with `pins` there are fixes that write versions.

    What is a template is not judged. Raises InputError where the file is beyond the limits of the readers.
    """
    from slimconda.environments.file import is_template
    from slimconda.environments.read import read_kind

    kind = kind_of(source.path, source.data) or Kind.ENVIRONMENT
    if kind is Kind.ENVIRONMENT and is_template(source.data):
        return Report((), {source.path: source}, templates=(source.path,))
    file = replace(read_kind(kind, source.data, source.beside), pins=pins)
    if file.unread is not None:
        raise InputError(f"{source.path}:{source.line_of(file.unread.span.start)}: {file.unread.message}")
    findings = [
        stamped(rule, problem, source.path)
        for rule, check in _wanted(config)
        if check.environment
        for problem in check.environment(file)
    ]
    pragmas = list(read_environment_pragmas(file, source))
    findings = [replace(finding, ignored=_is_ignored(finding, pragmas)) for finding in findings]
    findings += _pragma_findings([] if file.mistakes else pragmas, findings, config, source.path)
    findings.sort(key=lambda finding: (_start(finding), finding.rule))
    findings = [replace(finding, instruction=_line_of(finding, file, source)) for finding in findings]
    return Report(tuple(findings), {source.path: source})


def _line_of(finding: Finding, file: "EnvironmentFile", source: Source) -> Span | None:
    """Return the smallest statement that holds a finding, from the start of its line: a pragma can stand above it."""
    place = finding.place
    if not isinstance(place, Span):
        return None
    at = bisect_right(file.statements, Span(place.start, len(source.data)))
    held = next((span for span in file.statements[max(0, at - DEEPEST) : at][::-1] if span.contains(place)), None)
    return held and Span(source.line_start(source.line_of(held.start)), held.end)


def _wanted(config: Config) -> Iterator[tuple[Rule, Check]]:
    rules = load_rules()
    for name, check in CHECKS.items():
        if config.wants(name, default=rules[name].default):
            yield rules[name], check


def _findings(analysis: Analysis, config: Config) -> Iterator[Finding]:
    broken = bool(analysis.dockerfile.problems)
    for rule, check in _wanted(config):
        if check.dockerfile is None or broken != (rule.name == SYNTAX_ERROR):
            continue
        for problem in check.dockerfile(analysis):
            yield stamped(rule, problem, analysis.dockerfile.source.path)


def _start(finding: Finding) -> int:
    return finding.place.start if isinstance(finding.place, Span) else 0


def _holder(finding: Finding, spans: list[Span]) -> Span | None:
    """Return the span of the instruction that a finding starts in."""
    at = bisect_right(spans, _start(finding), key=lambda span: span.start) - 1
    return spans[at] if at >= 0 and _start(finding) < spans[at].end else None


def _is_ignored(finding: Finding, pragmas: Iterable[Pragma]) -> bool:
    return isinstance(finding.place, Span) and any(pragma.covers(finding.rule, finding.place) for pragma in pragmas)


def _pragma_findings(pragmas: list[Pragma], findings: list[Finding], config: Config, path: str) -> list[Finding]:
    """Return what the pragmas themselves get wrong; one for a rule that did not run is never called unused."""
    off = {rule.name for rule in load_rules().values() if not rule.default}
    judged = [pragma for pragma in pragmas if config.wants(pragma.rule, default=pragma.rule not in off)]
    found = [(finding.rule, finding.place) for finding in findings if isinstance(finding.place, Span)]
    return [
        stamped(rule, problem, path)
        for rule, check in _wanted(config)
        if check.pragmas
        for problem in check.pragmas(judged, found, frozenset(CHECKS))
    ]
