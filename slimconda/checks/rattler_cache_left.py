"""Finds installs by pixi that leave the rattler cache in their layer."""

import re
from collections.abc import Iterator

from slimconda.dockerfile.analysis import Analysis
from slimconda.dockerfile.caches import Install, RunLayer, Verdict
from slimconda.dockerfile.cleanups import mount_target, mounts
from slimconda.dockerfile.insertion import NoPlaceError, insert_after
from slimconda.dockerfile.stores import absolute, settled
from slimconda.findings import Fix, Problem

PLAIN_PATH = re.compile(r"(?:~|/[\w.-]+)(?:/[\w.-]+)+")


def check_dockerfile(analysis: Analysis) -> Iterator[Problem]:
    """Yield each install by pixi whose packages stay in the cache; all of one RUN share one fix."""
    for layer in analysis.wasteful_layers:
        left = [install for install in layer.pixi if _is_left(install, layer, analysis)]
        fix = _fix(layer, left, analysis) if left else None
        for install in left:
            message = f"{install.conda.title} leaves the rattler cache in this layer"
            yield Problem(message, install.conda.place, fix, layer.stage.label)


def _is_left(install: Install, layer: RunLayer, analysis: Analysis) -> bool:
    return install.verdict is Verdict.LEFT and analysis.ships(layer, install.cache)


def _fix(layer: RunLayer, left: list[Install], analysis: Analysis) -> Fix | None:
    places = sorted({place for install in left for place in install.cache.places})
    if not all(PLAIN_PATH.fullmatch(place) for place in places) or _is_mounted_below(places, layer):
        return None
    try:
        edit = insert_after(layer, left[-1].conda.command, f"rm -rf {' '.join(places)}", analysis.dockerfile)
    except NoPlaceError:
        return None
    return Fix("remove the rattler cache in the same RUN", (edit,))


def _is_mounted_below(places: list[str], layer: RunLayer) -> bool:
    """Tell whether a mount lies in a folder, so that `rm` fails: a mount point is busy."""
    targets = [
        absolute(settled(target, layer.context), layer.context)
        for target in map(mount_target, mounts(layer.instruction))
        if target
    ]
    return any(target.startswith(f"{absolute(place, layer.context)}/") for target in targets for place in places)
