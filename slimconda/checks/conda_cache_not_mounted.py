"""Finds RUNs that download their packages anew in each build, because no cache mount keeps them."""

from collections.abc import Iterator

from slimconda.dockerfile.analysis import Analysis
from slimconda.dockerfile.cache_mounts import Filled, emptying, filled
from slimconda.dockerfile.caches import RunLayer
from slimconda.dockerfile.cleanups import emptied, keeps_out
from slimconda.dockerfile.insertion import NoPlaceError, remove_command
from slimconda.dockerfile.mounting import Mount, mount_edit, mounts_for, owned, refuse_mounts, refuse_touches
from slimconda.dockerfile.shell import ShellCommand
from slimconda.dockerfile.stages import holds
from slimconda.dockerfile.sweeps import removing
from slimconda.findings import Fix, Problem

UNCERTAIN = "a command may clean where it is not seen"


def check_dockerfile(analysis: Analysis) -> Iterator[Problem]:
    """Yield each RUN that fills a cache without a mount on it."""
    for layer in analysis.all_layers:
        fills = [fill for fill in _fills(layer) if keeps_out(layer.instruction, fill.cache, fill.context) is False]
        if fills and layer.instruction.keyword == "RUN" and layer.instruction in layer.stage.instructions:
            message = f"{fills[0].call.title} downloads its packages anew in each build: a cache mount would keep them"
            fix, unfixable = _fix(layer, fills, analysis)
            yield Problem(message, layer.instruction.keyword_span, fix, layer.stage.label, unfixable)


def _fills(layer: RunLayer) -> Iterator[Filled]:
    yield from filled(layer)
    for install in layer.pip_parts:
        call = install.conda
        if layer.runs(call.command):
            yield Filled(call.command, call, install.cache, layer.context_at(call.command))


def _fix(layer: RunLayer, fills: list[Filled], analysis: Analysis) -> tuple[Fix | None, str | None]:
    """Return the fix that mounts the caches and drops their cleans, or why there is none."""
    try:
        wanted = sorted({mount for fill in fills for mount in mounts_for(fill, layer, analysis)})
        refuse_mounts(wanted, fills, layer, analysis)
        cleans = _cleans(layer, fills, wanted)
        refuse_touches(wanted, layer, frozenset(id(command) for command in cleans))
        edits = [edit for command in cleans for edit in remove_command(layer, command, analysis.dockerfile)]
    except NoPlaceError as error:
        return None, str(error)
    if any(one.span.overlaps(other.span) for one in edits for other in edits if one is not other):
        return None, "beside another clean"
    edits.append(mount_edit(wanted, layer.instruction, analysis.dockerfile))
    instead = " instead of cleaning it" if cleans else ""
    whole = owned(edits, layer.instruction, analysis.dockerfile)
    return Fix(f"keep the cache in a mount{instead} (needs BuildKit)", (whole,)), None


def _cleans(layer: RunLayer, fills: list[Filled], wanted: list[Mount]) -> list[ShellCommand]:
    """Return the commands that would empty the mounts; raises NoPlaceError where they, or others, may do more."""
    found = {command.start: command for fill in fills for command in emptying(layer, fill)}
    for command in layer.read.commands:
        if command.start not in found and any(emptied(command, fill.cache, fill.context) is None for fill in fills):
            raise NoPlaceError(UNCERTAIN)
    for command in found.values():
        sweep = removing(command, layer.context_at(command))
        inside = sweep and all(any(holds(mount.target, path) for mount in wanted) for path in sweep.paths)
        if command.name in {"rm", "find"} and not inside:
            raise NoPlaceError("a removal takes more than the cache")
    return [found[start] for start in sorted(found)]
