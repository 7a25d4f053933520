"""Finds downloads of packages in one RUN that a later RUN installs, so that both layers store them."""

from collections.abc import Iterator

from slimconda.dockerfile.analysis import Analysis
from slimconda.dockerfile.caches import RunLayer
from slimconda.dockerfile.clean_flags import Kind
from slimconda.dockerfile.cleanups import keeps_out
from slimconda.dockerfile.conda import FILLING, CondaCommand, Tool
from slimconda.dockerfile.fills import conda_cache
from slimconda.dockerfile.specs import specs_of
from slimconda.findings import Problem

DOWNLOAD_ONLY = "--download-only"
DOES_NOTHING = ("--dry-run", "-d", "--help", "-h")


def check_dockerfile(analysis: Analysis) -> Iterator[Problem]:
    """Yield each download whose packages a later RUN of the same image installs out of the cache."""
    for step in analysis.steps:
        for call in _calls(step.layer, downloads=True):
            later = [other.layer for other in analysis.steps if step.layer in other.earlier]
            taker = next((layer for layer in later if _takes(layer, call, step.layer)), None)
            if taker and _keeps(step.layer, call):
                line = taker.instruction.start_line
                message = f"{call.title} {DOWNLOAD_ONLY} stores in this layer what line {line} stores again in its own"
                yield Problem(message, call.place, None, step.layer.stage.label)


def _calls(layer: RunLayer, *, downloads: bool) -> Iterator[CondaCommand]:
    for call in layer.calls:
        fits = call.verb in FILLING and call.tool is not Tool.INSTALLER and not call.has(*DOES_NOTHING)
        if fits and call.has(DOWNLOAD_ONLY) == downloads and layer.runs(call.command):
            yield call


def _keeps(layer: RunLayer, call: CondaCommand) -> bool:
    """Tell whether a download stays in its layer as it is: not on a mount, not installed or cleaned in its own RUN."""
    context = layer.context_at(call.command)
    if keeps_out(layer.instruction, conda_cache(call, context), context) is not False:
        return False
    cleans = [clean.command for clean in layer.cleans if clean.clean and Kind.ARCHIVES in clean.clean.kinds]
    after = any(command.start > call.command.start for command in (*cleans, *layer.removals))
    return not after and not _takes(layer, call, layer)


def _takes(layer: RunLayer, download: CondaCommand, source: RunLayer) -> bool:
    """Tell whether a layer's RUN installs what another one, or it before, has downloaded."""
    wanted = _subjects(source, download)
    cache = conda_cache(download, source.context_at(download.command))
    for call in _calls(layer, downloads=False):
        context = layer.context_at(call.command)
        own = conda_cache(call, context)
        same = not own.is_other_than(cache) and keeps_out(layer.instruction, own, context) is False
        if same and wanted & _subjects(layer, call) and call.place.start > download.place.start:
            return True
    return False


def _subjects(layer: RunLayer, call: CondaCommand) -> frozenset[str]:
    """Return what a call installs: the specs that it names, and the files that it reads them from."""
    specs = specs_of(call, layer.context_at(call.command))
    return frozenset({*map(str, specs), *(f"file {name}" for name in call.files)})
