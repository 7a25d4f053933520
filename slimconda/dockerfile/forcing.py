"""Owns a clean by force that comes too late: what it takes for the last install's own clean to have its force."""

from slimconda.dockerfile.analysis import Analysis
from slimconda.dockerfile.caches import Install, RunLayer
from slimconda.dockerfile.clean_flags import Kind, read_clean
from slimconda.dockerfile.cleaning import FORCE, forced, missing_clean, refuse_unsafe, uncleaned
from slimconda.dockerfile.cleanups import mount_targets
from slimconda.dockerfile.conda import CondaCommand
from slimconda.dockerfile.dead_flags import dead_flags
from slimconda.dockerfile.fills import cleaned_by
from slimconda.dockerfile.insertion import NoPlaceError, find_link
from slimconda.dockerfile.trial import left_after
from slimconda.source import Edit


def forcing(layer: RunLayer, last: RunLayer, analysis: Analysis) -> list[Edit]:
    """Return the edit by which the last RUN that installs cleans with the force of a later RUN's clean.

    Nothing where the later one has no force, or would not reach that cache, or where the place is not a plain chain.
    """
    late = [clean for clean in layer.cleans if _is_by_force(clean, layer, last.installs[-1])]
    if not late or last.context.user != layer.context.user or dead_flags(late[-1], analysis.conda_versions):
        return []
    if any(mount_targets(last.instruction)):
        return []  # Force would empty a mount for the next build.
    try:
        refuse_unsafe(analysis)
        return _new_clean(last, analysis) if uncleaned(last) else _given_force(last, analysis)
    except NoPlaceError:
        return []


def _is_by_force(clean: CondaCommand, layer: RunLayer, install: Install) -> bool:
    """Tell whether a clean surely runs and removes an install's linked packages, too, since it says so."""
    if clean.clean is None or "f" not in clean.clean.letters or not layer.runs(clean.command):
        return False
    taken = cleaned_by(clean, install.conda, install.cache, layer.context_at(clean.command))
    return taken is not None and Kind.LINKED in taken


def _new_clean(last: RunLayer, analysis: Analysis) -> list[Edit]:
    """Return the edit that puts a clean by force where conda-cache-left puts one; raises NoPlaceError."""
    find_link(last, uncleaned(last)[-1].conda.command)
    edit = missing_clean(last, analysis)
    arguments = analysis.clean_arguments or ""
    if edit.text.count(f" clean {arguments}".encode()) != 1 or not edit.text.endswith(arguments.encode()):
        raise NoPlaceError("it takes several cleans")
    if "f" not in read_clean(arguments.split()).letters:
        edit = Edit(edit.span, edit.text + f" {FORCE}".encode())
    if left_after([edit], uncleaned(last), last, analysis):
        raise NoPlaceError("a path around it would stay")
    return [edit]


def _given_force(last: RunLayer, analysis: Analysis) -> list[Edit]:
    """Return the edit that gives the clean behind the last install force, if it has none."""
    install, clean = last.installs[-1], last.cleans[-1] if last.cleans else None
    if clean is None or clean.place.start < install.conda.place.start or not last.runs(clean.command):
        return []
    fix = forced(last, clean, analysis)
    taken = cleaned_by(clean, install.conda, install.cache, last.context_at(clean.command))
    return list(fix.edits) if fix and taken else []
