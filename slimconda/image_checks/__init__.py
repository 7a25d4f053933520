"""Owns the list of image checks: one module per rule that measures, of the same name as its card; others go by globs.

It stands apart from the other checks, so that looking at an image loads nothing that reads Dockerfiles.
"""

from collections.abc import Callable, Iterator

from slimconda.findings import Problem
from slimconda.image_checks import (
    by_globs,
    conda_cache_left,
    conda_clean_in_later_layer,
    conda_files_not_needed,
    conda_installer_left,
)
from slimconda.layers.image import Image
from slimconda.rulebook import Rule

ImageCheck = Callable[[Rule, Image], Iterator[Problem]]


IMAGE_CHECKS: dict[str, ImageCheck] = {
    "conda-cache-left": conda_cache_left.check_image,
    "conda-clean-in-later-layer": conda_clean_in_later_layer.check_image,
    "conda-installer-left": conda_installer_left.check_image,
    "pip-cache-left": by_globs.check_image,
    "uv-cache-left": by_globs.check_image,
    "rattler-cache-left": by_globs.check_image,
    "conda-files-not-needed": conda_files_not_needed.check_image,
}
