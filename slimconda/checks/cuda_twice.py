"""Finds CUDA that conda installs over an image which has it already."""

import re
from collections.abc import Iterator

from slimconda.dockerfile.analysis import Analysis
from slimconda.dockerfile.bases import BaseImage
from slimconda.dockerfile.conda import Verb
from slimconda.dockerfile.installed import NamedInstall
from slimconda.findings import Problem

# Images with CUDA's libraries outside of conda; a tag with `base` has little more than the driver's interface.
CUDA_IMAGE = re.compile(r"(?:nvcr\.io/)?nvidia/cuda")
CUDA_TAG = re.compile(r"(?:.*-)?(?:runtime|devel|cudnn\d*)(?:-.*)?")
FRAMEWORK_IMAGE = re.compile(r"nvcr\.io/nvidia/(?:pytorch|tensorflow|mxnet|cuda-dl-base|nvhpc)")
TENSORFLOW_IMAGE = re.compile(r"tensorflow/tensorflow")
# Images whose own conda environment may have the very package: only a new environment surely brings it again.
OWN_ENVIRONMENT = re.compile(r"pytorch/pytorch|(?:nvcr\.io/nvidia/)?rapidsai/[\w/-]+")
PACKAGES = frozenset(
    "cuda cuda-libraries cuda-libraries-dev cuda-runtime cuda-toolkit cudatoolkit cudatoolkit-dev cudnn nccl "
    "pytorch-cuda".split()
)


def check_dockerfile(analysis: Analysis) -> Iterator[Problem]:
    """Yield the first of conda's CUDA packages in an image whose base has CUDA."""
    for install in analysis.named_installs:
        base = analysis.root(install.layer)
        found = [package for package in install.packages if package.spec.name in PACKAGES]
        if found and _has_cuda(base, install):
            message = f"{base.repository} has CUDA already: {found[0].spec.name} brings it again"
            yield Problem(message, found[0].word.span, None, install.layer.stage.label)
            return


def _has_cuda(base: BaseImage, install: NamedInstall) -> bool:
    if FRAMEWORK_IMAGE.fullmatch(base.repository):
        return True
    if TENSORFLOW_IMAGE.fullmatch(base.repository):
        return "gpu" in base.tag.split("-")
    if CUDA_IMAGE.fullmatch(base.repository):
        return CUDA_TAG.fullmatch(base.tag) is not None
    created = OWN_ENVIRONMENT.fullmatch(base.repository) and install.conda.verb is Verb.CREATE
    return bool(created and CUDA_TAG.fullmatch(base.tag))
