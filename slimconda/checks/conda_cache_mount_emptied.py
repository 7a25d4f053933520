"""Finds cleans that empty a cache mount, so that the next build finds nothing in it."""

from collections.abc import Iterator

from slimconda.dockerfile.analysis import Analysis
from slimconda.dockerfile.cache_mounts import CacheMount, Filled, cache_mounts, catches, emptying, filled
from slimconda.dockerfile.caches import RunLayer
from slimconda.dockerfile.conda import CondaCommand, Tool
from slimconda.dockerfile.insertion import NoPlaceError, remove_command
from slimconda.dockerfile.parser import Dockerfile
from slimconda.dockerfile.shell import ShellCommand
from slimconda.dockerfile.stages import Context, holds
from slimconda.dockerfile.stores import absolute
from slimconda.dockerfile.sweeps import removing
from slimconda.dockerfile.wrappers import unwrapped
from slimconda.findings import Fix, Problem
from slimconda.source import Span


def check_dockerfile(analysis: Analysis) -> Iterator[Problem]:
    """Yield each command that empties a cache which a mount of its own RUN keeps for the next build."""
    for layer in analysis.layers:
        mounts = list(cache_mounts(layer.instruction))
        fills = list(filled(layer)) if mounts else []
        taken: dict[int, tuple[ShellCommand, list[Filled]]] = {}
        for fill in fills:
            for command in emptying(layer, fill):
                taken.setdefault(command.start, (command, []))[1].append(fill)
        for _, (command, emptied) in sorted(taken.items()):
            mount = next((m for m in mounts for fill in emptied if catches(m, fill, layer.instruction)), None)
            if mount:
                title, place = _named(layer, command)
                message = f"{title} empties the cache mount on {mount.target} for the next build"
                fix = _fix(layer, command, emptied, mounts, analysis.dockerfile)
                yield Problem(message, place, fix, layer.stage.label)


def _named(layer: RunLayer, command: ShellCommand) -> tuple[str, Span]:
    call = _call(layer, command)
    if call:
        return call.title, call.place
    words = command.words[unwrapped(command) :]
    name = words[0].text.rpartition("/")[2]
    title = name if name in {"rm", "find"} else " ".join([name, *(word.text for word in words[1:3])])
    return title, Span(words[0].span.start, words[-1].span.end)


def _call(layer: RunLayer, command: ShellCommand) -> CondaCommand | None:
    return next((call for call in layer.calls if call.command is command), None)


def _fix(
    layer: RunLayer, command: ShellCommand, emptied: list[Filled], mounts: list[CacheMount], dockerfile: Dockerfile
) -> Fix | None:
    """Return the fix that drops the command; none where it empties anything else that would stay in the layer."""
    call = _call(layer, command)
    if call and call.tool is not Tool.CONDA and not _holds_shards(mounts, layer.holds_at(call)):
        return None  # mamba's and micromamba's clean also empties shards in ~/.cache/conda (mamba 2.6.0, #4236)
    covered = all(any(_holds_all(mount, fill, layer) for mount in mounts) for fill in emptied)
    if not covered or not _is_inside(layer, command, mounts):
        return None
    try:
        return Fix("keep the cache for the next build", remove_command(layer, command, dockerfile))
    except NoPlaceError:
        return None


def _holds_shards(mounts: list[CacheMount], context: Context) -> bool:
    return any(holds(mount.target.rstrip("/"), absolute("~/.cache/conda", context)) for mount in mounts)


def _holds_all(mount: CacheMount, fill: Filled, layer: RunLayer) -> bool:
    places = [absolute(place, fill.context) for place in fill.cache.places]
    return catches(mount, fill, layer.instruction) and all(holds(mount.target.rstrip("/"), place) for place in places)


def _is_inside(layer: RunLayer, command: ShellCommand, mounts: list[CacheMount]) -> bool:
    """Tell whether all that a removal names lies in the mounts; a tool's own clean names nothing."""
    sweep = removing(command, layer.context_at(command))
    if sweep is None:
        return command.name not in {"rm", "find"}
    return all(any(holds(mount.target.rstrip("/"), path) for mount in mounts) for path in sweep.paths)
