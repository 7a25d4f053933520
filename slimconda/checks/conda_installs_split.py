"""Finds installs into conda prefixes that stand in RUNs one after the other, where one RUN would do."""

from collections.abc import Iterator

from slimconda.dockerfile.analysis import Analysis
from slimconda.dockerfile.caches import Install, RunLayer
from slimconda.dockerfile.conda import Tool, Verb
from slimconda.dockerfile.merged_text import check_comments, is_merged, merging_edits
from slimconda.dockerfile.merging import NoMergeError, Tied, check_alike, check_shell, first, read_part, tied
from slimconda.dockerfile.parser import Stage
from slimconda.findings import Fix, Problem, Safety

TITLE = "merge the RUNs into one"
MOST_RUNS = 100


def check_dockerfile(analysis: Analysis) -> Iterator[Problem]:
    """Yield each install whose RUN could go on in the RUN of the install before it; those of one RUN share one fix."""
    for stage in analysis.dockerfile.stages:
        for row in _rows(stage, analysis) if stage.index in analysis.stages.final else ():
            yield from _problems(row, analysis)


def _rows(stage: Stage, analysis: Analysis) -> Iterator[list[RunLayer]]:
    """Yield the RUNs that stand one after the other and install, with those between them that only run pip or conda."""
    known = {layer.instruction.span.start: layer for layer in analysis.layers if layer.stage is stage}
    row: list[RunLayer] = []
    for instruction in stage.instructions:
        layer = known.get(instruction.span.start) if instruction.keyword == "RUN" else None
        installs = layer is not None and _install(layer) is not None
        if layer and (_share(row, layer) if installs else _is_between(layer)) and row:
            row.append(layer)
        else:
            yield row
            row = [layer] if layer and installs else []
    yield row


def _install(layer: RunLayer) -> Install | None:
    """Return the first install of a RUN by a tool of conda's that surely runs."""
    installs = (*layer.installs, *layer.pixi)
    sure = [install for install in installs if layer.runs(install.conda.command) or layer.errexit is None]
    return min(sure, key=lambda install: install.conda.place.start, default=None)


def _share(row: list[RunLayer], layer: RunLayer) -> bool:
    """Tell whether a RUN may write or link what one before it in the row does, too."""
    caches = [install.cache for install in (*layer.installs, *layer.pixi)]
    before = [install.cache for other in row for install in (*other.installs, *other.pixi)]
    return any(not one.is_other_than(other) for one in caches for other in before)


def _is_between(layer: RunLayer) -> bool:
    """Tell whether a RUN does nothing but call conda or pip, and cleans nothing."""
    cleans = any(call.verb is Verb.CLEAN for call in layer.calls)
    known = {id(call.command) for call in layer.calls} | {id(fill.install.command) for fill in layer.python}
    return not cleans and {id(command) for command in layer.read.commands} <= known


def _problems(row: list[RunLayer], analysis: Analysis) -> Iterator[Problem]:
    while row and not _install(row[-1]):
        row.pop()
    if len(row) < 2:
        return
    fixes, refused = _merged(row, analysis)
    before = row[0]
    for layer in row[1:]:
        install = _install(layer)
        if install:
            fix = fixes.get(id(layer))
            reason = None if fix else refused[id(layer)]
            yield Problem(_message(install, before), install.conda.place, fix, layer.stage.label, reason)
            before = layer


def _message(install: Install, before: RunLayer) -> str:
    other = _install(before)
    line = before.instruction.start_line
    if other and other.conda.tool is Tool.INSTALLER:
        return (
            f"{install.conda.title} in a RUN of its own stores again what it replaces of the installer's (line {line})"
        )
    return f"{install.conda.title} in a RUN of its own stores again what it shares with the install of line {line}"


def _merged(row: list[RunLayer], analysis: Analysis) -> tuple[dict[int, Fix], dict[int, str]]:
    """Return the fix of each RUN that goes into one before it, and why others do not, by the RUN's identity."""
    fixes: dict[int, Fix] = {}
    refused: dict[int, str] = {}
    at = 0
    while at < len(row):
        run, reason = _longest(row[at : at + MOST_RUNS], analysis)
        fix = Fix(TITLE, merging_edits(run, analysis.dockerfile), Safety.UNSAFE) if len(run) > 1 else None
        fixes |= {id(one.part.layer): fix for one in run[1:] if fix}
        at = next((n for n in range(at + max(1, len(run)), len(row)) if _install(row[n])), len(row))
        if at < len(row):
            refused[id(row[at])] = reason
    return fixes, refused


def _longest(row: list[RunLayer], analysis: Analysis) -> tuple[tuple[Tied, ...], str]:
    """Return as many RUNs from the first on as can be one, the last an install, and why no more of them can."""
    run: tuple[Tied, ...] = ()
    reason = f"more than {MOST_RUNS} RUNs"
    roots = _roots(row[0], analysis)
    later = [layer.run.script.text.data for layer in row]
    try:
        for number, layer in enumerate(row):
            run = _with(run, layer, b"\n".join(later[number + 1 :]), roots, analysis)
    except NoMergeError as error:
        reason = str(error)
    while run and not _install(run[-1].part.layer):
        run = run[:-1]
    if len(run) > 1 and not is_merged(run, analysis.dockerfile):
        return run[:1], "the merged text would be read otherwise"
    return run, reason


def _roots(layer: RunLayer, analysis: Analysis) -> frozenset[str]:
    """Return where conda itself lies below a layer."""
    before = next((step.before for step in analysis.steps if step.layer is layer), ())
    return frozenset(prefix.path for prefix in before if prefix.root)


def _with(
    run: tuple[Tied, ...], layer: RunLayer, later: bytes, roots: frozenset[str], analysis: Analysis
) -> tuple[Tied, ...]:
    """Return a merged RUN that goes on with a layer's; raises NoMergeError."""
    check_shell(layer.context)
    part = read_part(layer, analysis.dockerfile.source.data)
    if not run:
        return first(part)
    check_alike(run[-1].part.layer.instruction, layer.instruction)
    check_comments(run[-1].part, part, analysis.dockerfile)
    return tied(run, part, later, roots)
