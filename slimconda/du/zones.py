"""Owns which label a name has by its place: in an environment, a package cache, another tool's cache."""

import os
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field, replace

from slimconda.du.labels import Kind, Label, Sort
from slimconda.du.looks import Look, Zone
from slimconda.du.pip_records import PipRecord, read_pip_records
from slimconda.du.records import Record, read_records
from slimconda.du.reflinks import tells_shared
from slimconda.du.table import Table
from slimconda.du.wheels import NO_WHEELS, Wheels

ARCHIVE_ENDS = (".conda", ".tar.bz2")
PARTIAL_ENDS = tuple(f"{archive}{end}" for archive in ARCHIVE_ENDS for end in (".partial", ".part"))
SLACK = 1.0  # seconds: archives keep whole seconds only
NO_CLAIMS: dict[str, int] = {}


def pair_of(table: Table, label: Label) -> tuple[int, int]:
    """Return the numbers of a label for files and for folders."""
    return table.number(label), table.number(replace(label, sort=Sort.FOLDER))


@dataclass
class PlainZone:
    """All below is part of one thing."""

    table: Table
    label: Label
    times: Mapping[int, float] = field(default_factory=dict)
    environment: bool = False
    extents: bool = False
    _look: Look | None = None

    def look(self, path: str) -> Look:  # noqa: ARG002
        """Return the one label."""
        if self._look is None:
            self._look = Look(*pair_of(self.table, self.label), NO_CLAIMS)
        return self._look

    def enter(self, path: str) -> Zone:  # noqa: ARG002
        """Return the same zone."""
        return self


@dataclass
class EnvironmentZone:
    """An environment: its packages claim names by their lists of files, which are read when first asked."""

    home: str
    table: Table
    others: Container[str]
    listed: dict[tuple[Kind, str], int] = field(default_factory=dict)
    installed: dict[str, Record] = field(default_factory=dict)
    times: dict[int, float] = field(default_factory=dict)
    environment: bool = True
    extents: bool = False
    wheels: Wheels = NO_WHEELS
    _claims: "_Claims | None" = None
    _areas: dict[str, "_Area"] = field(default_factory=dict)

    def look(self, path: str) -> Look:
        """Return what packages claim in a folder."""
        if self._claims is None:
            self._claims, self.extents = _Claims(), tells_shared(self.home)
            self._read(self._claims)
        relative = path[len(self.home) + 1 :]
        name = relative.partition("/")[0]
        area = self._areas.get(name)
        if area is None:
            area = self._areas[name] = _Area(self.table, Label(self.home, Kind.UNCLAIMED, "", name))
        return Look(area.plain, area.folder, self._claims.folders.get(relative, NO_CLAIMS), area)

    def enter(self, path: str) -> Zone | None:
        """Return the same zone, unless a cache or environment begins there."""
        return None if path in self.others else self

    def _read(self, claims: "_Claims") -> None:
        for record in read_records(self.home):
            number = self._package(Kind.PACKAGE, record.stem, record.time)
            claims.add((*record.files, f"conda-meta/{record.stem}.json"), number)
            self.listed[Kind.PACKAGE, record.stem] = len(record.files) + 1
            self.installed[record.stem] = replace(record, files=())
        for pip_record in read_pip_records(self.home):
            self.wheels = self.wheels.with_one(pip_record)
            if pip_record.path not in claims:
                self._claim(pip_record, claims)

    def _claim(self, pip_record: PipRecord, claims: "_Claims") -> None:
        number = self._package(Kind.PIP_PACKAGE, pip_record.stem, pip_record.time)
        fresh = [file for file in pip_record.files if file not in claims]
        claims.add(fresh, number)
        self.listed[Kind.PIP_PACKAGE, pip_record.stem] = len(fresh)

    def _package(self, kind: Kind, stem: str, time: float) -> int:
        number = self.table.number(Label(self.home, kind, stem))
        self.times[number] = time + SLACK
        return number


@dataclass
class _Claims:
    """Who claims the paths of an environment, folder by folder: a name is kept without its folder."""

    folders: dict[str, dict[str, int]] = field(default_factory=dict)

    def __contains__(self, path: str) -> bool:
        folder, _, name = path.rpartition("/")
        return name in self.folders.get(folder, NO_CLAIMS)

    def add(self, paths: Iterable[str], number: int) -> None:
        """Let a package claim paths, also those that another one has claimed."""
        last, names = "", self.folders.setdefault("", {})
        for path in paths:
            folder, _, name = path.rpartition("/")
            if folder != last:
                last, names = folder, self.folders.setdefault(folder, {})
            names[name] = number


@dataclass
class _Area:
    """The labels in one folder at the top of an environment, by package."""

    table: Table
    unclaimed: Label
    plain: int = 0
    folder: int = 0
    numbers: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.plain, self.folder = pair_of(self.table, self.unclaimed)

    def number(self, package: int) -> int:
        """Return the label of a package's files here."""
        known = self.numbers.get(package)
        if known is None:
            label = replace(self.table.labels[package], area=self.unclaimed.area)
            known = self.numbers[package] = self.table.number(label)
        return known


@dataclass
class CacheZone:
    """A folder of a package cache that holds packages: the cache itself, or since mamba 2.6 one per channel."""

    home: str
    table: Table
    others: Container[str]
    nested: bool = False
    times: Mapping[int, float] = field(default_factory=dict)
    environment: bool = False
    extents: bool = False

    def look(self, path: str) -> Look:
        """Return the labels of files by their names; the folder and all that is no package is the cache's own."""
        pair = pair_of(self.table, Label(self.home, Kind.CACHE_OTHER, nested=self.nested))
        relative = path[len(self.home) + 1 :]
        return Look(*pair, _CacheNames(self, f"{relative}/" if relative else ""))

    def enter(self, path: str) -> Zone | None:
        """Return the zone of an extracted package, of the index and so on."""
        name, relative = os.path.basename(path), path[len(self.home) + 1 :]
        if path in self.others:
            return None
        if os.path.isdir(f"{path}/info"):
            return self._plain(Kind.EXTRACTED, relative)
        if not self.nested and name in FOLDERS:
            return self._plain(FOLDERS[name], name)
        if name.count("-") >= 2 and not self._leads_to_packages(path):
            return self._plain(Kind.PARTIAL, relative)
        return replace(self, nested=True)

    def _leads_to_packages(self, path: str) -> bool:
        """Tell whether a folder is a channel's; a package without info/ is a broken one."""
        return os.path.exists(f"{path}/urls.txt") or os.path.isdir(f"{path}/noarch")

    def _plain(self, kind: Kind, name: str) -> PlainZone:
        return PlainZone(self.table, Label(self.home, kind, name, nested=self.nested))


FOLDERS = {"cache": Kind.INDEX, ".trash": Kind.TRASH, ".logs": Kind.LOGS}


@dataclass(frozen=True)
class _CacheNames:
    """The labels of a cache's own files; `prefix` is before their names in the paths that labels have."""

    zone: CacheZone
    prefix: str

    def get(self, name: str, /) -> int | None:
        """Return the label of an archive or of an unfinished download."""
        kind = kind_of_file(name)
        if kind is None:
            return None
        return self.zone.table.number(Label(self.zone.home, kind, self.prefix + name, nested=self.zone.nested))


def kind_of_file(name: str) -> Kind | None:
    """Return what a file in a cache is by its name; None for lists of URLs and what else is there."""
    if name.endswith(ARCHIVE_ENDS):
        return Kind.ARCHIVE
    return Kind.PARTIAL if name.endswith(PARTIAL_ENDS) else None


@dataclass
class ToolZone:
    """The cache of pip, uv, rattler or pixi: told apart by the first folder in it."""

    home: str
    table: Table
    others: Container[str]
    times: Mapping[int, float] = field(default_factory=dict)
    environment: bool = False
    extents: bool = False

    def look(self, path: str) -> Look:  # noqa: ARG002
        """Return the label of what lies at the top."""
        return Look(*pair_of(self.table, Label(self.home, Kind.TOOL_CACHE)), NO_CLAIMS)

    def enter(self, path: str) -> Zone | None:
        """Return the zone of one of its parts."""
        if path in self.others:
            return None
        return PlainZone(self.table, Label(self.home, Kind.TOOL_CACHE, path[len(self.home) + 1 :]))
