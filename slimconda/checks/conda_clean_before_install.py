"""Finds cleans that run before the install which fills the cache again."""

from collections.abc import Iterator

from slimconda.dockerfile.analysis import Analysis
from slimconda.dockerfile.caches import Install, RunLayer
from slimconda.dockerfile.clean_flags import Kind
from slimconda.dockerfile.cleaning import missing_clean, uncleaned
from slimconda.dockerfile.conda import CondaCommand
from slimconda.dockerfile.insertion import NoPlaceError, find_link, remove_command
from slimconda.findings import Fix, Problem


def check_dockerfile(analysis: Analysis) -> Iterator[Problem]:
    """Yield the last clean before an install that no clean follows in its RUN."""
    for layer in analysis.wasteful_layers:
        installs = uncleaned(layer)
        early = _early(layer, installs[-1]) if installs else None
        if early is not None:
            message = f"{early.title} comes before {installs[-1].conda.title}, which fills the cache again"
            yield Problem(message, early.place, _fix(layer, early, analysis), layer.stage.label)


def _early(layer: RunLayer, install: Install) -> CondaCommand | None:
    """Return the last clean of the RUN's own chains, if it would empty the install's cache and comes too early."""
    missed = {id(missed.clean) for missed in layer.missed}
    cleans = [clean for clean in layer.cleans if _takes_archives(clean) and id(clean) not in missed]
    last = max(cleans, key=lambda clean: clean.place.start, default=None)
    if last is None or last.place.start > install.conda.place.start:
        return None
    return last if _runs_always(layer, last) and _shares(last, install) else None


def _takes_archives(clean: CondaCommand) -> bool:
    """Tell whether a clean is for space; one of the index alone makes the install ask for a new one."""
    return clean.clean is not None and Kind.ARCHIVES in clean.clean.kinds


def _runs_always(layer: RunLayer, clean: CondaCommand) -> bool:
    try:
        find_link(layer, clean.command)
    except NoPlaceError:
        return False
    return True


def _shares(clean: CondaCommand, install: Install) -> bool:
    """Tell whether a clean is of the install's tool, so that both surely mean one cache."""
    return clean.tool is install.conda.tool and not install.cache.moved


def _fix(layer: RunLayer, clean: CondaCommand, analysis: Analysis) -> Fix | None:
    try:
        added = missing_clean(layer, analysis)
        removed = remove_command(layer, clean.command, analysis.dockerfile)
    except NoPlaceError:
        return None
    return Fix("clean after the last install", (added, *removed))
