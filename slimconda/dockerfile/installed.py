"""Owns what conda's commands install into the image that ships: packages by name, and whole distributions."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from slimconda.dockerfile.caches import Install, RunLayer
from slimconda.dockerfile.conda import CondaCommand, Tool, Verb
from slimconda.dockerfile.installers import distribution_of
from slimconda.dockerfile.shell import Word
from slimconda.dockerfile.specs import PackageSpec, parse_spec
from slimconda.dockerfile.stages import Stages, expand
from slimconda.dockerfile.stores import absolute, settled
from slimconda.source import Span

if TYPE_CHECKING:
    from slimconda.environments.file import EnvironmentFile

EVERYTHING = "*"
REMOVALS = frozenset({"remove", "uninstall"})
PACKAGE_CACHE = re.compile(r"(.+)/pkgs")


@dataclass(frozen=True)
class Package:
    """A package that a command names, and its word."""

    spec: PackageSpec
    word: Word


@dataclass(frozen=True)
class NamedInstall:
    """A command whose environment ships, with the packages that its words name for certain."""

    layer: RunLayer
    conda: CondaCommand
    packages: tuple[Package, ...]


@dataclass(frozen=True)
class GivenEnvironment:
    """An environment file that an install reads: its name there, the word that names it, and what it says."""

    install: NamedInstall
    name: str
    place: Span
    file: "EnvironmentFile"

    @property
    def names(self) -> frozenset[str]:
        """Return the names of conda's packages in it."""
        asked = {spec.name for entry in self.file.dependencies if (spec := parse_spec(entry.text))}
        chosen = {one.name for group in self.file.groups.values() for one in group if one.manager == "conda"}
        return frozenset(asked | chosen)


def shipped_installs(layers: Iterable[RunLayer], stages: Stages) -> Iterator[tuple[RunLayer, Install]]:
    """Yield the installs whose environment reaches the image, those of variables with unknown value left out."""
    for layer in layers:
        for install in layer.installs:
            if not install.conda.guessed and _ships(layer, install, stages):
                yield layer, install


def named_installs(layers: Iterable[RunLayer], stages: Stages) -> Iterator[NamedInstall]:
    """Yield the shipped installs of a conda tool, each with its packages."""
    for layer, install in shipped_installs(layers, stages):
        conda = install.conda
        # A wrapper of the user's own may take other words before its packages, unless it names the verb itself.
        if not conda.configured or conda.subcommand in set(Verb):
            yield NamedInstall(layer, conda, tuple(_packages(conda)))


def _packages(conda: CondaCommand) -> Iterator[Package]:
    cut = {redirect.span.start: redirect.operator for redirect in conda.read.redirects}
    for word in conda.packages:
        spec = parse_spec(word.text)
        # Unquoted, `numpy>=1.2` is a redirect for the shell: a version was meant all the same.
        operator = cut.get(word.span.end)
        if spec:
            yield Package(replace(spec, version=operator) if operator else spec, word)


def _ships(layer: RunLayer, install: Install, stages: Stages) -> bool:
    if layer.stage.index in stages.final:
        return True
    place = environment_place(layer, install)
    return place is not None and stages.carries(layer.stage, place)


def environment_place(layer: RunLayer, install: Install) -> str | None:
    """Return the absolute path of the environment that an install changes; None where it is not known."""
    named = install.conda.environment or ""
    if "/" in named:
        place = absolute(settled(named, layer.context), layer.context)
        return place if place.startswith("/") else None
    root = PACKAGE_CACHE.fullmatch(install.cache.places[0]) if install.cache.places else None
    if root is None or install.cache.moved:
        return None
    folder = absolute(root[1], layer.context)
    return folder if named in {"", "base"} else f"{folder}/envs/{named}"


def uninstalled(layer: RunLayer) -> frozenset[str]:
    """Return the names of packages that a RUN takes away again, EVERYTHING where it removes an environment."""
    names: set[str] = set()
    for call in layer.calls:
        words = [word.text for word in call.read_arguments.operands]
        if call.subcommand in REMOVALS:
            names |= {spec.name for text in words if (spec := parse_spec(text))}
        if (call.subcommand in REMOVALS and call.has("--all")) or (call.subcommand == "env" and "remove" in words):
            names.add(EVERYTHING)
    return frozenset(names)


def distribution(layer: RunLayer, conda: CondaCommand) -> str | None:
    """Return which distribution an installer brings, by the file's name or by where its layer downloads it from."""
    if conda.tool is not Tool.INSTALLER:
        return None
    script = conda.tool_words[-1].text
    urls = [
        expand(word.text, layer.context.variables)
        for fetched in layer.fetched
        if fetched.download.name == script.rpartition("/")[2]
        for word in fetched.download.command.words
    ]
    found = {name for text in (script, *urls) if (name := distribution_of(text))}
    return found.pop() if len(found) == 1 else None
