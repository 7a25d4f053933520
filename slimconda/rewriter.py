"""Owns the way from fixes to a new text: takes fixes that do not overlap, splices, parses and lints again."""

from collections.abc import Iterable
from dataclasses import dataclass

from slimconda.config import Config
from slimconda.dockerfile.parser import parse
from slimconda.errors import InputError
from slimconda.findings import Finding, Fix, Report, Safety
from slimconda.linter import lint, lint_dockerfile
from slimconda.source import Edit, Source, apply_edits

MOST_ROUNDS = 10


@dataclass(frozen=True)
class Rewrite:
    """What became of a Dockerfile: `fixed` are the findings mended, `report` is that of the new text.

    `gave_up` says why the original came back although there were fixes: a bug of ours.
    """

    source: Source
    data: bytes
    fixed: tuple[Finding, ...]
    report: Report
    gave_up: str | None = None

    @property
    def changed(self) -> bool:
        """Tell whether the new text differs from the file's."""
        return self.data != self.source.data


def rewrite(source: Source, config: Config, *, unsafe: bool = False) -> Rewrite:
    """Return the Dockerfile with all wanted fixes made, up to a text in which there are none left.

    Where that is not reached, or Docker would refuse the new text, the original comes back.
    Raises InputError where the Dockerfile is no text or empty.
    """
    original = lint(source, config)
    current, report, fixed = source, original, list[Finding]()
    for _ in range(MOST_ROUNDS):
        chosen = _choose(report, unsafe=unsafe)
        if not chosen:
            return Rewrite(source, current.data, tuple(fixed), report)
        current = Source(source.path, apply_edits(current.data, _edits(chosen)))
        fixed += chosen
        try:
            dockerfile = parse(current)
        except InputError as error:
            return Rewrite(source, source.data, (), original, f"the new text cannot be read: {error}")
        if dockerfile.problems:
            return Rewrite(source, source.data, (), original, f"Docker would refuse: {dockerfile.problems[0].message}")
        report = lint_dockerfile(dockerfile, config)
    return Rewrite(source, source.data, (), original, f"no end after {MOST_ROUNDS} rounds")


def _choose(report: Report, *, unsafe: bool) -> list[Finding]:
    """Return the findings whose fixes go together; of those that share one fix, all."""
    taken: list[Edit] = []
    chosen: list[Finding] = []
    fixes: list[Fix] = []
    for finding in report.open:
        fix = finding.fix
        if fix is None or (fix.safety is Safety.UNSAFE and not unsafe):
            continue
        if fix in fixes:
            chosen.append(finding)
        elif not any(edit.span.overlaps(other.span) for edit in fix.edits for other in taken):
            taken += fix.edits
            fixes.append(fix)
            chosen.append(finding)
    return chosen


def _edits(findings: Iterable[Finding]) -> list[Edit]:
    unique = {edit for finding in findings if finding.fix for edit in finding.fix.edits}
    return sorted(unique)
