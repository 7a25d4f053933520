"""Finds CUDA that conda installs over an image which has it already, or beside pip's copy of it.

Source: the wheels of PyPI for Linux: torch depends on `nvidia-*-cu12` since 2.0, and held the libraries itself before.
"""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from slimconda.dockerfile.analysis import Analysis
from slimconda.dockerfile.bases import BaseImage
from slimconda.dockerfile.conda import Verb
from slimconda.dockerfile.installed import NamedInstall
from slimconda.dockerfile.specs import parse_spec
from slimconda.findings import Problem

if TYPE_CHECKING:
    from slimconda.environments.file import Entry, EnvironmentFile, Locked

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
LIBRARIES = PACKAGES | {"cuda-cudart", "libcublas"}  # what a lock has of them
OF_PIP = re.compile(r"nvidia-[a-z0-9-]+-cu\d+")
# With these extras jax and tensorflow take NVIDIA's wheels.
CUDA_EXTRA = re.compile(r"\[[^\]]*\b(?:and-cuda|cuda\d*(?:_pip)?)\b[^\]]*\]")
NO_CUDA = re.compile(r"\+cpu|rocm|xpu")


def check_environment(file: "EnvironmentFile") -> Iterator[Problem]:
    """Yield what brings CUDA by pip where conda brings it, too."""
    asked = [spec.name for entry in file.dependencies if (spec := parse_spec(entry.text)) and spec.name in PACKAGES]
    index = file.pip is not None and file.pip.has_option("-i", "--index-url", "--extra-index-url", "-f", "--find-links")
    for entry in file.pip.packages if file.pip and asked and not index else ():
        if _brings_cuda(entry):
            yield _of_both(entry.text.partition(";")[0].strip(), asked[0], entry)
            return
    for packages in file.groups.values():
        conda = [one.name for one in packages if one.manager == "conda" and one.name in LIBRARIES]
        pip = [one for one in packages if one.manager == "pip" and OF_PIP.fullmatch(one.name)]
        if conda and pip:
            yield _of_both(pip[0].name, conda[0], pip[0])
            return


def _brings_cuda(entry: "Entry") -> bool:
    from slimconda.environments.requirements import requirement_of

    found = requirement_of(entry.text)
    if found is None or NO_CUDA.search(found.version) or "platform" in found.marker:
        return False
    extra = found.name in {"jax", "tensorflow"} and CUDA_EXTRA.search(found.extras)
    return found.name == "torch" or bool(extra) or OF_PIP.fullmatch(found.name) is not None


def _of_both(pip: str, conda: str, entry: "Entry | Locked") -> Problem:
    return Problem(f"conda brings CUDA by {conda}, and pip its own copy by {pip}", entry.span)


def check_dockerfile(analysis: Analysis) -> Iterator[Problem]:
    """Yield the first of conda's CUDA packages in an image whose base has CUDA, by name or in an environment file."""
    yield from _of_file(analysis)
    for install in analysis.named_installs:
        base = analysis.root(install.layer)
        found = [package for package in install.packages if package.spec.name in PACKAGES]
        if found and _has_cuda(base, install):
            message = f"{base.repository} has CUDA already: {found[0].spec.name} brings it again"
            yield Problem(message, found[0].word.span, None, install.layer.stage.label)
            return


def _of_file(analysis: Analysis) -> Iterator[Problem]:
    for given in analysis.given_environments:
        install, found = given.install, sorted(given.names & LIBRARIES)
        base = analysis.root(install.layer)
        if found and _has_cuda(base, install):
            message = f"{base.repository} has CUDA already: {found[0]} of {given.name} brings it again"
            yield Problem(message, given.place, None, install.layer.stage.label)
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
