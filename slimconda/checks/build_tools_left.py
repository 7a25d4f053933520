"""Finds compilers and build tools that conda installs into the image that ships."""

import re
from collections.abc import Iterator

from slimconda.dockerfile.analysis import Analysis
from slimconda.dockerfile.installed import EVERYTHING, NamedInstall, Package, uninstalled
from slimconda.dockerfile.specs import parse_spec
from slimconda.findings import Problem
from slimconda.source import Span

TOOLS = re.compile(
    r"(?:gcc|gxx|gfortran|binutils|sysroot|clang|clangxx)_(?:linux-\w+)|gcc|gxx|gfortran|binutils|"
    r"(?:c|cxx|fortran)-compiler|compilers|cmake|make|ninja|meson|conda-build|boa|rattler-build|cuda-nvcc"
)
# Packages that compile when they run.
COMPILES_LATER = re.compile(r"aesara|cmdstan.*|cppyy|cython|pymc.*|pystan|pytensor|r-rstan|theano.*|triton")
MOST_NAMES = 3


def check_dockerfile(analysis: Analysis) -> Iterator[Problem]:
    """Yield the first command whose build tools stay; the message names those of all commands."""
    installs = analysis.named_installs
    named = {package.spec.name for install in installs for package in install.packages}
    if any(COMPILES_LATER.fullmatch(name) for given in analysis.given_environments for name in given.names | named):
        return
    if any(map(COMPILES_LATER.fullmatch, named)):
        return
    yield from _of_files(analysis)
    gone = {id(layer): uninstalled(layer) for layer in analysis.layers}
    left = [(install, kept) for install in installs if (kept := _left(install, gone[id(install.layer)]))]
    if not left:
        return
    install, packages = left[0]
    names = list(dict.fromkeys(package.spec.name for _, kept in left for package in kept))
    message = f"the image ships build tools: {_few(names)}"
    place = Span(packages[0].word.span.start, packages[-1].word.span.end)
    yield Problem(message, place, None, install.layer.stage.label)


def _of_files(analysis: Analysis) -> Iterator[Problem]:
    """Yield each environment file whose build tools stay; what a lock chose is not asked for, and is passed over."""
    for given in analysis.given_environments:
        layer = given.install.layer
        gone = uninstalled(layer)
        asked = [spec.name for entry in given.file.dependencies if (spec := parse_spec(entry.text))]
        tools = [name for name in asked if TOOLS.fullmatch(name) and name not in gone]
        if tools and EVERYTHING not in gone:
            message = f"the image ships build tools of {given.name}: {_few(tools)}"
            yield Problem(message, given.place, None, layer.stage.label)


def _few(names: list[str]) -> str:
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return f"{', '.join(names[:MOST_NAMES])}{more}"


def _left(install: NamedInstall, gone: frozenset[str]) -> list[Package]:
    """Return the build tools of a command that are not among what its RUN removes again."""
    tools = [package for package in install.packages if TOOLS.fullmatch(package.spec.name)]
    return [] if EVERYTHING in gone else [package for package in tools if package.spec.name not in gone]
