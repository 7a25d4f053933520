"""Owns what is there more than once: a package in several environments, in several versions, CUDA and MKL libraries."""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from slimconda.du.environments import package_of
from slimconda.du.labels import Kind, Label, stem_of
from slimconda.du.ledger import NO_SHARE, Bytes, Share
from slimconda.du.measure import Survey
from slimconda.du.records import name_of, version_of
from slimconda.versions import version_key

# Names of packages of conda-forge, defaults, nvidia, and NVIDIA's wheels; each wheel repeats one library.
LIBRARY = re.compile(
    r"(?:lib|nvidia-|cuda-)*(cublas|cudnn|nccl|cufft|curand|cusolver|cusparselt|cusparse|cutensor|nvjitlink|npp|nvrtc"
    r"|cupti|cudart|cudatoolkit|mkl)(?:-(?:static|dev|devel|runtime|cu\d+))*"
)
LINKED, COPIED, CACHE_GONE, OTHER_DEVICE, SOFT, ALWAYS_COPY = (
    "linked",
    "copied",
    "the only copy: no package cache has it",
    "copied: the package cache is on another file system",
    "soft-linked",
    "copied: always_copy is set",
)


@dataclass(frozen=True)
class Place:
    """A package in one environment, and how it got there; `own` bytes are shared with nothing else."""

    environment: str
    share: Share
    how: str


@dataclass(frozen=True)
class Repeated:
    """The same package and version in several environments; `extra` bytes are what one copy less each would save."""

    stem: str
    places: tuple[Place, ...]
    bytes: Bytes

    @property
    def extra(self) -> int:
        """Return the allocated bytes beyond those of the largest single copy."""
        return self.bytes.allocated - max(place.share.bytes.allocated for place in self.places)


@dataclass(frozen=True)
class Versions:
    """A package that environments have in several versions; `older` bytes go if all but the newest go."""

    name: str
    versions: tuple[str, ...]
    older: Bytes


@dataclass(frozen=True)
class Library:
    """A CUDA or MKL library that is there more than once: (environment, package, version), and all bytes of it."""

    name: str
    places: tuple[tuple[str, str, str], ...]
    bytes: Bytes


def repeated(survey: Survey) -> tuple[Repeated, ...]:
    """Return the packages that several environments have in one version, most wasteful first."""
    shares = survey.ledger.split(package_of)
    whole = survey.ledger.split(lambda label: label.name if label.kind is Kind.PACKAGE else None)
    homes: defaultdict[str, list[str]] = defaultdict(list)
    for environment, installed in survey.installed.items():
        for stem in installed:
            homes[stem].append(environment)
    found = [
        Repeated(
            stem,
            tuple(
                _place(survey, home, stem, shares.get((home, Kind.PACKAGE, stem), NO_SHARE)) for home in environments
            ),
            whole.get(stem, NO_SHARE).bytes,
        )
        for stem, environments in homes.items()
        if len(environments) > 1
    ]
    return tuple(sorted(found, key=lambda package: (-package.extra, package.stem)))


def _place(survey: Survey, home: str, stem: str, share: Share) -> Place:
    return Place(home, share, _how(survey, home, stem, share))


def _how(survey: Survey, home: str, stem: str, share: Share) -> str:
    """Return how a package got into an environment: by its links as they are, then by its record and the devices."""
    if share.shared.apparent > share.own.apparent or not share.bytes.apparent:
        return LINKED
    if survey.installed[home][stem].link == "soft link":
        return SOFT
    caches = [label.home for label in survey.ledger.labels if label.kind is Kind.EXTRACTED and stem_of(label) == stem]
    if caches and all(survey.devices.get(cache) != survey.devices.get(home) for cache in caches):
        return OTHER_DEVICE
    if survey.layout.settings.always_copy:
        return ALWAYS_COPY
    return COPIED if caches or survey.installed[home][stem].link == "copy" else CACHE_GONE


def several_versions(survey: Survey) -> tuple[Versions, ...]:
    """Return the packages of which environments have several versions; the older ones' bytes are also in caches."""
    by_name: defaultdict[str, set[str]] = defaultdict(set)
    for installed in survey.installed.values():
        for stem in installed:
            by_name[name_of(stem)].add(stem)
    older: dict[str, str] = {}
    for name, stems in by_name.items():
        newest = max(map(version_of, stems), key=version_key)
        older |= {stem: name for stem in stems if version_key(version_of(stem)) < version_key(newest)}
    takes = survey.ledger.split(lambda label: older.get(stem_of(label)) if label.kind in _OF_PACKAGE else None)
    found = [
        Versions(name, tuple(sorted(set(map(version_of, by_name[name])), key=version_key)), share.own)
        for name, share in takes.items()
    ]
    return tuple(sorted(found, key=lambda versions: (-versions.older.allocated, versions.name)))


_OF_PACKAGE = frozenset({Kind.PACKAGE, Kind.EXTRACTED, Kind.ARCHIVE})


def libraries(survey: Survey) -> tuple[Library, ...]:
    """Return the CUDA and MKL libraries of which there are several: by conda and pip, or in several environments."""
    places: defaultdict[str, list[tuple[str, str, str]]] = defaultdict(list)
    for environment, name, version in _packages(survey):
        if (library := _library(name)) is not None:
            places[library].append((environment, name, version))
    takes = survey.ledger.split(_library_of)
    found = [
        Library(library, tuple(sorted(where)), takes.get(library, NO_SHARE).bytes)
        for library, where in places.items()
        if len(where) > 1
    ]
    return tuple(sorted(found, key=lambda library: (-library.bytes.allocated, library.name)))


def _packages(survey: Survey) -> Iterator[tuple[str, str, str]]:
    for environment, listed in survey.listed.items():
        for kind, stem in listed:
            if kind is Kind.PIP_PACKAGE:
                name, _, version = stem.partition(" ")
                yield environment, name, version
            else:
                yield environment, name_of(stem), version_of(stem)


def _library(name: str) -> str | None:
    match = LIBRARY.fullmatch(name.lower().replace("_", "-"))
    return match[1] if match else None


def _library_of(label: Label) -> str | None:
    if label.kind is Kind.PACKAGE:
        return _library(name_of(label.name))
    return _library(label.name.partition(" ")[0]) if label.kind is Kind.PIP_PACKAGE else None
