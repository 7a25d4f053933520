"""Finds numeric packages of the defaults channel, which bring MKL where OpenBLAS would do."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from slimconda.dockerfile.analysis import Analysis
from slimconda.dockerfile.conda import Tool
from slimconda.dockerfile.condarc import may_set_channels
from slimconda.dockerfile.installed import NamedInstall, Package, distribution, shipped_installs
from slimconda.dockerfile.specs import parse_spec
from slimconda.findings import Problem

if TYPE_CHECKING:
    from slimconda.environments.file import EnvironmentFile

NUMERIC = frozenset("numexpr numpy pandas scikit-learn scipy".split())
DEFAULTS = frozenset("anaconda defaults main pkgs/main".split())
# Channels that have none of these packages, so that they still come from the defaults.
WITHOUT_NUMERIC = frozenset("bioconda nvidia r".split())
MINICONDA_IMAGE = re.compile(r"continuumio/miniconda[23]?")
# What needs MKL in the defaults channel, chooses it, or chooses another library.
CHOICES = re.compile(
    r"blas|daal.*|faiss.*|icc_rt|intel.*|keras.*|libblas|mkl.*|nomkl|openblas|pymc.*|pytorch.*|scikit-learn-intelex|"
    r"tensorflow.*|theano|torch.*"
)
# Words for which channel or platform are no longer certain.
DOUBTS = re.compile(r"forge|nomkl|openblas|aarch64|arm64|ppc64le|s390x|TARGET(?:ARCH|PLATFORM)|CONDA_SUBDIR|intel")


def check_dockerfile(analysis: Analysis) -> Iterator[Problem]:
    """Yield the first numeric package that surely comes from the defaults channel of an x86 image."""
    text = analysis.dockerfile.source.data.decode("utf-8", "replace")
    installs = analysis.named_installs
    chosen = (package.spec.name for install in installs for package in install.packages)
    if not installs or DOUBTS.search(text) or may_set_channels(text) or any(map(CHOICES.fullmatch, chosen)):
        return
    for install in installs:
        found = [package for package in install.packages if _is_from_defaults(package, install, analysis)]
        if found:
            yield Problem(_message(found[0].spec.name), found[0].word.span, None, install.layer.stage.label)
            return


def check_environment(file: "EnvironmentFile") -> Iterator[Problem]:
    """Yield the first numeric package of a file whose channels are Anaconda's, and that chooses no other library."""
    from slimconda.environments.channels import channel_name, is_defaults

    channels = {channel_name(channel.text) for channel in file.channels} - WITHOUT_NUMERIC
    specs = [(spec, entry) for entry in file.dependencies if (spec := parse_spec(entry.text))]
    if not channels or not all(map(is_defaults, channels)) or any(CHOICES.fullmatch(spec.name) for spec, _ in specs):
        return
    for spec, entry in specs:
        if spec.name in NUMERIC and not spec.build and (spec.channel is None or is_defaults(spec.channel)):
            yield Problem(_message(spec.name), entry.span)
            return


def _message(name: str) -> str:
    return f"{name} of the defaults channel brings MKL, hundreds of MB: add nomkl for OpenBLAS"


def _is_from_defaults(package: Package, install: NamedInstall, analysis: Analysis) -> bool:
    spec = package.spec
    if spec.name not in NUMERIC or spec.build or analysis.root(install.layer).platform not in {"", "linux/amd64"}:
        return False
    if spec.channel:
        return spec.channel in DEFAULTS
    return _has_defaults(install, analysis)


def _has_defaults(install: NamedInstall, analysis: Analysis) -> bool:
    """Tell whether a command looks for these packages in the defaults channel and nowhere else."""
    given = set(install.conda.channels)
    if given - DEFAULTS - WITHOUT_NUMERIC or install.conda.has(
        "--use-local", "--channel-alias", "--platform", "--subdir"
    ):
        return False
    if given & DEFAULTS:
        return True
    return install.conda.tool is Tool.CONDA and not install.conda.has("--override-channels") and _is_miniconda(analysis)


def _is_miniconda(analysis: Analysis) -> bool:
    """Tell whether the image's only conda is Miniconda, whose channels are the defaults."""
    roots = {analysis.root(install.layer).repository for install in analysis.named_installs}
    found = shipped_installs(analysis.layers, analysis.stages)
    brought = {distribution(layer, install.conda) for layer, install in found if install.conda.tool is Tool.INSTALLER}
    return brought <= {"miniconda"} and (bool(brought) or all(map(MINICONDA_IMAGE.fullmatch, roots)))
