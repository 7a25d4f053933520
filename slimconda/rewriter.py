"""Owns the way from fixes to a new text: takes fixes that do not overlap, splices, parses and lints again."""

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Generic, TypeVar

from slimconda.config import Config
from slimconda.dockerfile.parser import Dockerfile, parse
from slimconda.dockerfile.scanner import SyntaxProblem
from slimconda.environments.file import Pins
from slimconda.environments.read import read_kind
from slimconda.errors import InputError
from slimconda.findings import Finding, Fix, Report, Safety
from slimconda.introduced import without
from slimconda.kinds import Kind, kind_of
from slimconda.linter import lint_dockerfile, lint_environment
from slimconda.source import Edit, Source, Span, apply_edits

MOST_ROUNDS = 10


@dataclass(frozen=True)
class Rewrite:
    """What became of a Dockerfile: `fixed` are the findings mended, `report` is that of the new text.

    `refused` is why Docker would not take the file as it is. `gave_up` says why a fix was left out, or the original
    came back: a bug of ours.
    """

    source: Source
    data: bytes
    fixed: tuple[Finding, ...]
    report: Report
    gave_up: str | None = None
    refused: SyntaxProblem | None = None

    @property
    def changed(self) -> bool:
        """Tell whether the new text differs from the file's."""
        return self.data != self.source.data


def rewrite(
    source: Source, config: Config, *, unsafe: bool = False, old: Counter[tuple[str, str]] | None = None
) -> Rewrite:
    """Return the Dockerfile with all wanted fixes made, up to a text in which there are none left.

    `old` are findings that are set aside, so neither mended nor reported: rules and commands with their numbers.
    A fix after which Docker would read the file otherwise is left out, and `gave_up` says so; where there is no end
    the original comes back. Raises InputError where the Dockerfile is no text or empty.
    """
    original = parse(source)
    judge = partial(_judged, config=config, old=old or Counter())
    if original.problems and not original.template:
        return Rewrite(source, source.data, (), judge(original), refused=original.problems[0])
    return _rewritten(original, judge, _changed_dockerfile, unsafe=unsafe)


def _judged(dockerfile: Dockerfile, config: Config, old: Counter[tuple[str, str]]) -> Report:
    return without(lint_dockerfile(dockerfile, config), old)


def rewrite_environment(
    source: Source,
    config: Config,
    pins: Pins | None = None,
    *,
    unsafe: bool = False,
    old: Counter[tuple[str, str]] | None = None,
) -> Rewrite:
    """Return the environment file with all wanted fixes made, those that write the versions of `pins` among them.

    As `rewrite`, which also tells what `old` is. Raises InputError where the file is not read.
    """
    aside = old or Counter[tuple[str, str]]()

    def judge(environment: _Environment) -> Report:
        return without(lint_environment(environment.source, config, pins), aside)

    return _rewritten(_Environment(source), judge, _changed_environment, unsafe=unsafe)


@dataclass(frozen=True)
class _Environment:
    """An environment file, which is read anew by whoever judges it."""

    source: Source

    @cached_property
    def is_broken(self) -> bool:
        """Tell whether it cannot be read."""
        kind = kind_of(self.source.path, self.source.data) or Kind.ENVIRONMENT
        return bool(read_kind(kind, self.source.data).mistakes)


def propose(report: Report, path: str) -> bytes:
    """Return a file's bytes with the safe fixes of a report made once, for a reader to look at."""
    own = Report(tuple(finding for finding in report.findings if finding.path == path))
    return apply_edits(report.sources[path].data, _edits(_choose(own, unsafe=False)))


Text = TypeVar("Text", Dockerfile, _Environment)
Judge = Callable[[Text], Report]
Change = Callable[[Text, list[Finding]], Text | str]
"""Makes the fixes of findings; returns the new text, or why it is none."""


@dataclass(frozen=True)
class _State(Generic[Text]):
    """Where the rewriting stands after a round."""

    text: Text
    report: Report
    fixed: tuple[Finding, ...] = ()
    gave_up: str | None = None


def _rewritten(original: Text, judge: Judge[Text], change: Change[Text], *, unsafe: bool) -> Rewrite:
    """Return a text with fixes made, round by round, until none is left or one cannot be made."""
    state = _State(original, judge(original))
    source, report = original.source, state.report
    for _ in range(MOST_ROUNDS):
        chosen = _choose(state.report, unsafe=unsafe) if state.gave_up is None else []
        if not chosen:
            return Rewrite(source, state.text.source.data, state.fixed, state.report, state.gave_up)
        state = _next(state, chosen, judge, change)
    return Rewrite(source, source.data, (), report, f"no end after {MOST_ROUNDS} rounds")


def _next(state: _State[Text], chosen: list[Finding], judge: Judge[Text], change: Change[Text]) -> _State[Text]:
    """Return the state with the fixes made: all at once, or one by one without those that break the file."""
    whole = change(state.text, chosen)
    if not isinstance(whole, str):
        return _State(whole, judge(whole), (*state.fixed, *chosen))
    for finding in chosen:
        alone = change(state.text, [finding])
        if not isinstance(alone, str):
            return _State(alone, judge(alone), (*state.fixed, finding), whole)
    return replace(state, gave_up=whole)


def _changed_environment(before: _Environment, chosen: list[Finding]) -> _Environment | str:
    """Return the environment file with these fixes made, or why that is none."""
    after = _Environment(_changed(before.source, chosen))
    return "the new text would be broken" if after.is_broken and not before.is_broken else after


def _changed_dockerfile(before: Dockerfile, chosen: list[Finding]) -> Dockerfile | str:
    """Return the Dockerfile with these fixes made, or why that is none."""
    try:
        after = parse(_changed(before.source, chosen))
    except InputError as error:
        return f"the new text cannot be read: {error}"
    if after.problems:
        return f"Docker would refuse: {after.problems[0].message}"
    if not _follows(_outline(after), _outline(before), _added(chosen)):
        return "Docker would read other instructions"
    return after


def _changed(source: Source, chosen: list[Finding]) -> Source:
    return replace(source, data=apply_edits(source.data, _edits(chosen)))


Part = tuple[str, tuple[str, ...]]


def _outline(dockerfile: Dockerfile) -> list[Part]:
    """Return each instruction's keyword and heredocs."""
    return [(i.keyword, tuple(heredoc.name for heredoc in i.heredocs)) for i in dockerfile.instructions]


def _added(chosen: list[Finding]) -> list[Part]:
    """Return the instructions that fixes state to add, in the order of the file; a safe fix adds none."""
    fixes = {finding.fix for finding in chosen if finding.fix and finding.fix.safety is Safety.UNSAFE}
    return [(keyword, ()) for fix in sorted(fixes, key=lambda fix: fix.edits) for keyword in fix.adds]


def _follows(after: list[Part], before: list[Part], added: list[Part]) -> bool:
    """Tell whether an outline is another with some instructions taken away and exactly those stated put in."""
    least = {0: 0}  # how far `before` has been read at least, by how many of those added have been met
    for part in after:
        reached: dict[int, int] = {}
        for count, at in least.items():
            if count < len(added) and added[count] == part:
                reached[count + 1] = min(at, reached.get(count + 1, at))
            if part in before[at:]:
                reached[count] = min(before.index(part, at) + 1, reached.get(count, len(before)))
        least = reached
    return len(added) in least


def _choose(report: Report, *, unsafe: bool) -> list[Finding]:
    """Return the findings whose fixes go together; of those that share one fix, all."""
    chosen: list[Finding] = []
    fixes: set[Fix] = set()
    taken: list[Span] = []
    for finding in report.open:
        fix = finding.fix
        if fix is None or (fix.safety is Safety.UNSAFE and not unsafe):
            continue
        if fix not in fixes:
            if any(_overlaps(edit.span, taken) for edit in fix.edits):
                continue
            fixes.add(fix)
            for edit in fix.edits:
                insort(taken, edit.span)
        chosen.append(finding)
    return chosen


def _overlaps(span: Span, taken: list[Span]) -> bool:
    """Tell whether a span overlaps one of those, which are sorted and do not overlap each other."""
    at = bisect_left(taken, span)
    return any(span.overlaps(other) for other in taken[max(0, at - 1) : at + 1])


def _edits(findings: Iterable[Finding]) -> list[Edit]:
    return sorted({edit for finding in findings if finding.fix for edit in finding.fix.edits})
