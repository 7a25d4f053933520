"""Owns what each tool's own clean would free, to the byte, before anybody runs it.

Sources: conda's main_clean.py of 4.3 and 4.13 (4.3.16 is run by the tests); conda 26.7 and mamba 2.8 as they were seen
to behave; the cache commands of pip 25 and 26, and uv's (all run by the tests).
"""

import os
import shlex
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from slimconda.du.caches import extracted_packages
from slimconda.du.labels import IN_CACHE, IN_ENVIRONMENT, Kind, Label, Sort, stem_of
from slimconda.du.ledger import Bytes
from slimconda.du.measure import Survey
from slimconda.du.records import name_of, version_of
from slimconda.versions import version_key

Goes = Callable[[Label], bool]
FIRST_WITH_CONDA_ARCHIVES = "4.7"
FIRST_WITH_FORCE = "4.6"  # and with --tempfiles
FIRST_WITH_LOGFILES = "4.13"
# The first pip that removes the folders, too, by its cache command, release by release.
PIP_REMOVES_FOLDERS = {"http": "26", "wheels": "26", "http-v2": "26.2"}


@dataclass(frozen=True)
class Clean:
    """What one command frees; `breaks` counts the soft links of environments whose targets it would delete."""

    tool: str
    command: str
    bytes: Bytes
    breaks: int = 0


def predict(survey: Survey) -> tuple[Clean, ...]:
    """Return what each clean of each tool would free, as the user who runs this would run it."""
    return (*_conda(survey), *_mamba(survey), *_pip(survey), *_others(survey))


def tool_version(survey: Survey, name: str) -> str | None:
    """Return the version of a package in the root prefix, conda's or pip's own, None where it is not there."""
    root = survey.layout.root
    found = [version_of(stem) for stem in survey.installed.get(root, {}) if name_of(stem) == name]
    listed = survey.listed.get(root, {})
    found += [
        stem.partition(" ")[2] for kind, stem in listed if kind is Kind.PIP_PACKAGE and stem.startswith(f"{name} ")
    ]
    return found[0] if found else None


def is_older(version: str | None, than: str) -> bool:
    """Tell whether a version is known to be older."""
    return version is not None and bool(version_key(version) < version_key(than))


def _conda(survey: Survey) -> Iterator[Clean]:
    version = tool_version(survey, "conda")
    parts = conda_parts(survey, version)
    soft = sum(survey.soft_links.values())
    options = _options(version)
    for option in options:
        breaks = soft if option == "packages" else 0
        yield Clean("conda", f"conda clean --{option} --yes", survey.ledger.freed(parts[option]), breaks)
    yield Clean(
        "conda", "conda clean --all --yes", survey.ledger.freed(_any(parts[option] for option in options)), soft
    )
    if not is_older(version, FIRST_WITH_FORCE):
        freed = survey.ledger.freed(parts["force-pkgs-dirs"])
        yield Clean("conda", "conda clean --force-pkgs-dirs --yes", freed, soft)


def _options(version: str | None) -> tuple[str, ...]:
    """Return what `conda clean` can do by options, and does with --all."""
    newer = ("tempfiles",) if not is_older(version, FIRST_WITH_FORCE) else ()
    newest = ("logfiles",) if not is_older(version, FIRST_WITH_LOGFILES) else ()
    return ("tarballs", "packages", "index-cache", *newer, *newest)


def _any(all_of_them: Iterable[Goes]) -> Goes:
    tests = tuple(all_of_them)
    return lambda label: any(goes(label) for goes in tests)


def conda_parts(survey: Survey, version: str | None) -> dict[str, Goes]:
    """Return which names each of conda's options deletes: in the caches of its settings that it may write to."""
    caches = survey.layout.writable
    unused = unused_packages(survey, lambda _: False)
    ends = (".tar.bz2", ".tar.bz2.part") if is_older(version, FIRST_WITH_CONDA_ARCHIVES) else None
    linked = frozenset(label for row in survey.ledger.rows if row.links > 1 for label in row.labels)
    root = survey.layout.root

    def is_archive(label: Label) -> bool:
        if label.home not in caches or label.nested or label.kind not in {Kind.ARCHIVE, Kind.PARTIAL}:
            return False
        # An archive with a second name is passed over (4.13); a broken package is no archive.
        return (
            label not in linked
            and "/" not in label.name
            and label.sort is not Sort.FOLDER
            and (ends is None or label.name.endswith(ends))
            and label.name.endswith((".conda", ".tar.bz2", ".part", ".partial"))
        )

    return {
        "tarballs": is_archive,
        "index-cache": lambda label: label.home in caches and label.kind is Kind.INDEX,
        "packages": lambda label: (
            (label.home, label.name) in unused and label.kind is Kind.EXTRACTED and label.home in caches
        ),
        "tempfiles": lambda label: label.sort is Sort.TEMPORARY and f"{label.home}/".startswith(f"{root}/"),
        "logfiles": lambda label: label.home in caches and label.kind is Kind.LOGS and label.sort is not Sort.FOLDER,
        "force-pkgs-dirs": lambda label: label.home in caches and label.kind in IN_CACHE,
    }


def unused_packages(survey: Survey, gone: Goes) -> frozenset[tuple[str, str]]:
    """Return the extracted packages that conda takes for unused once some names are gone: no file has a second name."""
    linked = set()
    for row in survey.ledger.rows:
        inside = {(label.home, label.name) for label in row.labels if label.kind is Kind.EXTRACTED}
        if inside and row.links - sum(map(gone, row.labels)) > 1:
            linked |= inside
    known = {
        (home, package.path)
        for home, packages in extracted_packages(survey.ledger).items()
        for package in packages
        if not package.nested
    }
    return frozenset(known - linked)


def _mamba(survey: Survey) -> Iterator[Clean]:
    tool = next((name for name in ("mamba", "micromamba") if tool_version(survey, name)), None)
    if tool is None and not tool_version(survey, "conda"):
        tool = "micromamba"  # a root without any tool in it
    if tool is None or is_older(tool_version(survey, tool), "2"):
        return
    parts = _mamba_parts(survey)
    soft = sum(survey.soft_links.values())
    for option in ("tarballs", "packages", "index-cache"):
        breaks = soft if option == "packages" else 0
        yield Clean("mamba", f"{tool} clean --{option} --yes", survey.ledger.freed(parts[option]), breaks)
    every = [parts[option] for option in ("tarballs", "packages", "index-cache", "shards")]
    yield Clean("mamba", f"{tool} clean --all --yes", survey.ledger.freed(_any(every)), soft)
    freed = survey.ledger.freed(_any([*every, parts["force"]]))
    yield Clean("mamba", f"{tool} clean --all --force-pkgs-dirs --yes", freed, soft)


def _mamba_parts(survey: Survey) -> dict[str, Goes]:
    """Return which names mamba 2's options delete: in nested caches, too; it keeps packages by name, not by links."""
    caches = survey.layout.writable
    root = survey.layout.root
    kept = {
        stem
        for home, installed in survey.installed.items()
        if home == root or os.path.dirname(home) == f"{root}/envs"
        for stem in installed
    }
    shards = survey.layout.tools.get("conda")
    return {
        "tarballs": lambda label: label.home in caches and label.kind is Kind.ARCHIVE,
        "packages": lambda label: label.home in caches and label.kind is Kind.EXTRACTED and stem_of(label) not in kept,
        "index-cache": lambda label: label.home in caches and label.kind is Kind.INDEX,
        "shards": lambda label: label.home == shards,
        "force": lambda label: label.home in caches and label.kind in IN_CACHE,
    }


def _pip(survey: Survey) -> Iterator[Clean]:
    cache = survey.layout.tools.get("pip")
    if cache is not None:
        version = tool_version(survey, "pip")
        freed = survey.ledger.freed(lambda label: label.home == cache and _pip_purges(label, version))
        yield Clean("pip", "python -m pip cache purge", freed)


def _pip_purges(label: Label, version: str | None) -> bool:
    """Tell whether pip deletes it: answers of servers, wheels, and by its version folders; unknown means newest."""
    if label.name not in PIP_REMOVES_FOLDERS:
        return False
    if not is_older(version, PIP_REMOVES_FOLDERS[label.name]):
        return True
    return label.sort is Sort.WHEEL if label.name == "wheels" else label.sort is not Sort.FOLDER


def _others(survey: Survey) -> Iterator[Clean]:
    for tool, command in (("uv", "uv cache clean"), ("rattler", "rm -rf {}"), ("pixi", "pixi clean cache --yes")):
        cache = survey.layout.tools.get(tool)
        if cache is not None:
            yield Clean(
                tool, command.format(shlex.quote(cache)), survey.ledger.freed(_in(cache, keeps_folder=tool == "uv"))
            )


def _in(cache: str, *, keeps_folder: bool) -> Goes:
    def goes(label: Label) -> bool:
        if keeps_folder and label.home == cache and not label.name and label.sort is Sort.FOLDER:
            return False  # uv leaves the folder itself, with an empty .lock
        return f"{label.home}/".startswith(f"{cache}/")

    return goes


def removed_environment(survey: Survey, path: str) -> tuple[Bytes, Bytes]:
    """Return what deleting one environment frees, and what it frees with `conda clean --all` after it."""

    def is_gone(label: Label) -> bool:
        return label.home == path and label.kind in IN_ENVIRONMENT

    version = tool_version(survey, "conda")
    parts = conda_parts(survey, version)
    unused = unused_packages(survey, is_gone)
    kept = _any([parts[option] for option in _options(version) if option != "packages"])
    caches = survey.layout.writable

    def goes(label: Label) -> bool:
        if is_gone(label) or kept(label):
            return True
        return label.kind is Kind.EXTRACTED and label.home in caches and (label.home, label.name) in unused

    return survey.ledger.freed(is_gone), survey.ledger.freed(goes)
