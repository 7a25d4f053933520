"""Finds files trimmed from an environment while the package cache keeps a hard link to them."""

from collections.abc import Iterator

from slimconda.dockerfile.analysis import Analysis
from slimconda.dockerfile.caches import Install, Verdict
from slimconda.dockerfile.clean_flags import Kind
from slimconda.dockerfile.cleaning import forced
from slimconda.dockerfile.linking import copies
from slimconda.dockerfile.stages import holds
from slimconda.dockerfile.trims import Trim
from slimconda.findings import Problem


def check_dockerfile(analysis: Analysis) -> Iterator[Problem]:
    """Yield each trim of an environment that was installed in the same RUN, and whose packages stay in the cache."""
    for layer in analysis.wasteful_layers:
        linked = [install for install in layer.installs if _stays_linked(install) and not copies(install, layer)]
        for trim in layer.trims:
            if any(_frees_nothing(trim, install) for install in linked):
                message = "trimming these files frees nothing: the package cache keeps a hard link to each"
                fix = forced(layer, layer.cleans[-1], analysis) if layer.cleans else None
                yield Problem(message, trim.command.span, fix, layer.stage.label)


def _stays_linked(install: Install) -> bool:
    return install.verdict in {Verdict.CLEANED, Verdict.LEFT, Verdict.INCOMPLETE} and Kind.LINKED in install.kinds


def _frees_nothing(trim: Trim, install: Install) -> bool:
    """Tell whether a trim is of what an install before it has linked; one of a whole root trims the cache, too."""
    after = trim.command.span.start > install.conda.place.end
    caches = install.cache.places
    prefixes = [_prefix(install, place.removesuffix("/pkgs")) for place in caches if place.endswith("/pkgs")]
    meant = any(holds(prefix, trim.folder) or holds(trim.folder, prefix) for prefix in prefixes)
    return after and meant and not any(holds(trim.folder, place) for place in caches)


def _prefix(install: Install, root: str) -> str:
    environment = install.conda.environment
    if environment is None or environment == "base":
        return root
    return environment if "/" in environment else f"{root}/envs/{environment}"
