"""Finds images that carry the whole Anaconda distribution."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from slimconda.dockerfile.analysis import Analysis
from slimconda.dockerfile.bases import base_image
from slimconda.dockerfile.installed import distribution, shipped_installs
from slimconda.dockerfile.specs import parse_spec
from slimconda.findings import Problem

if TYPE_CHECKING:
    from slimconda.environments.file import EnvironmentFile

ANACONDA_IMAGE = re.compile(r"(?:continuumio|anaconda)/anaconda[23]?")
ROOT = "/opt/conda"  # where these images have it


def check_dockerfile(analysis: Analysis) -> Iterator[Problem]:
    """Yield each FROM of a full Anaconda image that ships, and each Anaconda installer that is run."""
    for stage in analysis.shipped_stages:
        base = base_image(analysis.stages, stage)
        if ANACONDA_IMAGE.fullmatch(base.repository) and analysis.stages.carries(stage, ROOT):
            yield Problem(_message(base.repository), base.span, None, stage.label)
    for layer, install in shipped_installs(analysis.layers, analysis.stages):
        if distribution(layer, install.conda) == "anaconda":
            yield Problem(_message(install.conda.title), install.conda.place, None, layer.stage.label)


def check_environment(file: "EnvironmentFile") -> Iterator[Problem]:
    """Yield the metapackage `anaconda`, which depends on all of the distribution."""
    for entry in file.dependencies:
        spec = parse_spec(entry.text)
        if spec is not None and spec.name == "anaconda":
            yield Problem(_message("the package anaconda"), entry.span)


def _message(name: str) -> str:
    return f"{name} brings all of Anaconda: Miniconda or Miniforge and the packages in use take far less"
