"""Finds images that start from one with conda, where micromamba would make their only environment alike."""

from collections.abc import Iterator

from slimconda.dockerfile.analysis import Analysis
from slimconda.dockerfile.bases import base_image
from slimconda.dockerfile.insertion import NoPlaceError
from slimconda.dockerfile.sole_environment import CONDA_IMAGE, sole_environment
from slimconda.findings import Fix, Problem


def check_dockerfile(analysis: Analysis) -> Iterator[Problem]:
    """Yield the base image that brings conda along, with the change to micromamba's."""
    found = sole_environment(analysis)
    if found is None:
        return
    base = base_image(analysis.stages, found.line[0])
    if not CONDA_IMAGE.fullmatch(base.repository):
        return
    from slimconda.dockerfile.micromamba_base import micromamba_base

    fix, unfixable = None, None
    try:
        change = micromamba_base(found, analysis)
        fix = Fix(f"start from {analysis.config.micromamba_image}", change.edits, adds=change.adds)
    except NoPlaceError as error:
        unfixable = str(error)
    message = f"{base.repository} brings a whole conda, and only the environment of {found.call.title} is used"
    yield Problem(message, base.span, fix, found.line[0].label, unfixable)
