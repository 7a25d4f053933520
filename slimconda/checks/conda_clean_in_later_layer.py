"""Finds cleans that free nothing, because what they delete is already stored in an earlier layer."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from slimconda.dockerfile.analysis import Analysis
from slimconda.dockerfile.caches import RunLayer, Verdict
from slimconda.dockerfile.cleaning import missing_clean, uncleaned
from slimconda.dockerfile.cleanups import mount_targets
from slimconda.dockerfile.conda import CondaCommand
from slimconda.dockerfile.insertion import NoPlaceError, remove_command
from slimconda.findings import Fix, LayerPart, Problem
from slimconda.units import size_text

if TYPE_CHECKING:
    from slimconda.layers.image import Image


def check_dockerfile(analysis: Analysis) -> Iterator[Problem]:
    """Yield each clean in a RUN that installs nothing, with an install in an earlier RUN of the same image."""
    layers = [layer for layer in analysis.layers if layer.stage.index in analysis.stages.final]
    earlier: list[RunLayer] = []
    seen = False
    for layer in layers:
        seen = seen or bool(layer.installs)
        if layer.installs:
            earlier.append(layer)
        if layer.installs or layer.opaque or not layer.cleans or any(mount_targets(layer.instruction)) or not seen:
            continue
        fixable = len(layer.cleans) == 1
        for clean in layer.cleans:
            message = f"{clean.title} frees nothing here: the packages came in an earlier layer"
            fix = _fix(layer, clean, earlier, analysis) if fixable else None
            yield Problem(message, clean.place, fix, layer.stage.label)
        earlier = []


def _fix(layer: RunLayer, clean: CondaCommand, earlier: list[RunLayer], analysis: Analysis) -> Fix | None:
    """Return the fix that moves the clean to where the installs are; none where one of them cannot be cleaned."""
    verdicts = {install.verdict for other in earlier for install in other.installs}
    if not verdicts <= {Verdict.LEFT, Verdict.CLEANED}:
        return None
    try:
        added = [missing_clean(other, analysis) for other in earlier if uncleaned(other)]
        removed = remove_command(layer, clean.command, analysis.dockerfile)
    except NoPlaceError:
        return None
    return Fix("clean where the packages are installed", (*added, *removed))


def check_image(image: "Image") -> Iterator[Problem]:
    """Yield each layer that stores a package cache which a later layer hides."""
    from slimconda.layers.residue import CLEANED_LATER

    for layer in image.layers:
        residue = layer.residue.get(CLEANED_LATER)
        if residue and layer.exceeds_leftovers(CLEANED_LATER):
            message = f"a later layer hides {size_text(residue.bytes)} of package cache that this one stores"
            yield Problem(message, LayerPart(layer.index, residue.bytes, residue.paths))
