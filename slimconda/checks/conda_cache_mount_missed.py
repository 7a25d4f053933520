"""Finds cache mounts that catch nothing, because the cache they are meant for lies elsewhere."""

import re
from collections.abc import Iterator

from slimconda.dockerfile.analysis import Analysis
from slimconda.dockerfile.cache_mounts import CacheMount, Filled, cache_mounts, filled, misses
from slimconda.dockerfile.caches import RunLayer
from slimconda.dockerfile.stores import Store, absolute
from slimconda.findings import Problem

# What the path of a mount says that is meant for a tool's cache. conda keeps notices and mamba shards of an index in
# ~/.cache/conda, so a mount there does catch something.
MEANT_FOR = {
    Store.CONDA: re.compile(
        r"(?!.*/\.cache/(?:conda|mamba))(?:.*/pkgs(?:/.*)?|.*/\.conda|.*cache.*(?:conda|mamba).*|.*(?:conda|mamba).*cache.*)"
    ),
    Store.RATTLER: re.compile(r".*(?:rattler|cache/pixi|pixi[-_]?cache).*"),
    Store.PIP: re.compile(r".*/pip(?:/.*)?"),
    Store.UV: re.compile(r".*/uv(?:/.*)?"),
}


def check_dockerfile(analysis: Analysis) -> Iterator[Problem]:
    """Yield each cache mount that no install of its tool in the RUN fills."""
    for layer in analysis.layers:
        for mount in cache_mounts(layer.instruction):
            fill = _missed(layer, mount)
            if fill and (mount.is_tilde or not _is_named_elsewhere(mount, analysis)):
                message = f"this cache mount catches nothing: {_reason(mount, fill)}"
                yield Problem(message, mount.flag.span, None, layer.stage.label)


def _reason(mount: CacheMount, fill: Filled) -> str:
    if mount.is_tilde:
        return "~ is no home in a flag, but a folder of that name"
    return f"{fill.call.title} fills {absolute(fill.cache.places[0], fill.context)}"


def _missed(layer: RunLayer, mount: CacheMount) -> Filled | None:
    """Return the first cache that a mount is meant for, if it misses all of those that the RUN fills."""
    stores = [store for store, path in MEANT_FOR.items() if path.fullmatch(mount.target.rstrip("/"))]
    meant = [fill for fill in filled(layer) if fill.cache.store in stores]
    return meant[0] if meant and all(misses(mount, fill) for fill in meant) else None


def _is_named_elsewhere(mount: CacheMount, analysis: Analysis) -> bool:
    """Tell whether anything but mounts names the directory: a link or a setting may lead there."""
    text = analysis.dockerfile.source.data
    for instruction in reversed(analysis.dockerfile.instructions):
        for flag in reversed(instruction.flags):
            text = text[: flag.span.start] + text[flag.span.end :]
    return mount.target.rstrip("/").encode("utf-8", "surrogateescape") in text
