"""Owns the way from fixes to a new text: takes fixes that do not overlap, splices, parses and lints again."""

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial

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
    report = judge(original)
    if original.problems and not original.template:
        return Rewrite(source, source.data, (), report, refused=original.problems[0])
    state = _State(original, report, (), None)
    for _ in range(MOST_ROUNDS):
        chosen = _choose(state.report, unsafe=unsafe) if state.gave_up is None else []
        if not chosen:
            return Rewrite(source, state.dockerfile.source.data, state.fixed, state.report, state.gave_up)
        state = _next(state, chosen, judge)
    return Rewrite(source, source.data, (), report, f"no end after {MOST_ROUNDS} rounds")


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

    A fix after which the file would be broken is left out, and so is one of an old finding. Raises InputError where the
    file is not read.
    """
    aside = old or Counter[tuple[str, str]]()
    report = without(lint_environment(source, config, pins), aside)
    data, now, fixed = source.data, report, list[Finding]()
    for _ in range(MOST_ROUNDS):
        chosen = _choose(now, unsafe=unsafe)
        if not chosen:
            return Rewrite(source, data, tuple(fixed), now)
        data = apply_edits(data, _edits(chosen))
        now = without(lint_environment(replace(source, data=data), config, pins), aside)
        fixed += chosen
        if not _broken(report) and _broken(now):
            return Rewrite(source, source.data, (), report, "the new text would be broken")
    return Rewrite(source, source.data, (), report, f"no end after {MOST_ROUNDS} rounds")


def _broken(report: Report) -> bool:
    """Tell whether an environment file cannot be read."""
    (source,) = report.sources.values()
    return bool(read_kind(kind_of(source.path, source.data) or Kind.ENVIRONMENT, source.data).mistakes)


def propose(report: Report, path: str) -> bytes:
    """Return a file's bytes with the safe fixes of a report made once, for a reader to look at."""
    own = Report(tuple(finding for finding in report.findings if finding.path == path))
    return apply_edits(report.sources[path].data, _edits(_choose(own, unsafe=False)))


@dataclass(frozen=True)
class _State:
    """Where the rewriting stands after a round."""

    dockerfile: Dockerfile
    report: Report
    fixed: tuple[Finding, ...]
    gave_up: str | None


def _next(state: _State, chosen: list[Finding], judge: Callable[[Dockerfile], Report]) -> _State:
    """Return the state with the fixes made: all at once, or one by one without those that break the file."""
    whole = _with(state.dockerfile, chosen)
    if isinstance(whole, Dockerfile):
        return _State(whole, judge(whole), (*state.fixed, *chosen), None)
    for finding in chosen:
        alone = _with(state.dockerfile, [finding])
        if isinstance(alone, Dockerfile):
            return _State(alone, judge(alone), (*state.fixed, finding), whole)
    return _State(state.dockerfile, state.report, state.fixed, whole)


def _with(before: Dockerfile, chosen: list[Finding]) -> Dockerfile | str:
    """Return the Dockerfile with these fixes made, or why that is none."""
    source = replace(before.source, data=apply_edits(before.source.data, _edits(chosen)))
    try:
        after = parse(source)
    except InputError as error:
        return f"the new text cannot be read: {error}"
    if after.problems:
        return f"Docker would refuse: {after.problems[0].message}"
    if not _follows(_outline(after), _outline(before), _added(chosen)):
        return "Docker would read other instructions"
    return after


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
