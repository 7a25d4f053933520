"""Finds installs that take whatever version a package has on the day."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from slimconda.dockerfile.analysis import Analysis
from slimconda.dockerfile.conda import Verb
from slimconda.dockerfile.installed import NamedInstall, Package
from slimconda.dockerfile.specs import parse_spec
from slimconda.findings import Fix, Problem
from slimconda.source import Edit, Span

if TYPE_CHECKING:
    from slimconda.environments.file import Entry, EnvironmentFile

MOST_NAMES = 3
# Packages that only choose a variant of others; their versions mean nothing.
VARIANTS = frozenset({"nomkl", "cpuonly"})
OPEN_END = re.compile(r"(?:>=?|!=)\s*[^\s,|<]+")
VERSION = re.compile(r"[\w.!+-]+")
NUMBERS = re.compile(r"\d+(?:\.\d+)*")
NO_PINS = "versions come from a lock or an environment: slimconda fix --pin-from FILE|PREFIX"
NOT_THERE = "not all of them have one version in what --pin-from names"


def check_dockerfile(analysis: Analysis) -> Iterator[Problem]:
    """Yield the first install or create with packages that have no version, for all of the image."""
    found = [(install, free) for install in analysis.named_installs if (free := _unpinned(install))]
    if found:
        install, free = found[0]
        # In a script that is no shell's, the words may stand in another order than they are read in.
        spans = [package.word.span for package in free]
        place = Span(min(span.start for span in spans), max(span.end for span in spans))
        names = [package.spec.name for _, free in found for package in free]
        yield Problem(_message(names, []), place, None, install.layer.stage.label)


def _unpinned(install: NamedInstall) -> list[Package]:
    if install.conda.verb not in {Verb.INSTALL, Verb.CREATE} or install.conda.has("--update-all"):
        return []
    free = (package for package in install.packages if not package.spec.is_pinned)
    return [package for package in free if package.spec.name not in VARIANTS]


def _message(names: list[str], open_ended: list[str]) -> str:
    parts = [f"{what} for {_few(some)}" for what, some in (("no version", names), ("no upper end", open_ended)) if some]
    return f"{', '.join(parts)}: another day's build may differ"


def _few(found: list[str]) -> str:
    names = list(dict.fromkeys(found))
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return f"{', '.join(names[:MOST_NAMES])}{more}"


@dataclass(frozen=True)
class _Free:
    """An entry without a version, or with a lower end alone: `bound`. A version would stand for `old`, from `at` on."""

    entry: "Entry"
    name: str
    at: int
    old: str
    bound: str


def check_environment(file: "EnvironmentFile") -> Iterator[Problem]:
    """Yield one finding for the conda part and one for pip's: packages without a version, or with a lower end alone."""
    if file.locked and file.pins is None:
        return
    pins = file.pins
    pinned = _pinned(file)
    free = [one for one in _conda(file) if one.name not in pinned]
    yield from _part(file, free, "=", pins.conda.get if pins else None)
    if file.pip is not None and not file.pip.has_option("-c", "--constraint", "--no-index"):
        asked = [one for one in _pip(file.pip.packages) if one.name not in pinned]
        yield from _part(file, asked, "==", pins.pip.get if pins else None)


def _pinned(file: "EnvironmentFile") -> set[str]:
    """Return the names that some line of the conda part pins: for conda and pip alike another line adds nothing."""
    specs = [spec for entry in file.dependencies if (spec := parse_spec(entry.text))]
    ends = (spec for spec in specs if spec.is_pinned and not OPEN_END.fullmatch(spec.version or ""))
    return {spec.name for spec in ends}


def _part(
    file: "EnvironmentFile", free: list[_Free], equals: str, pinned: "Callable[[str], str | None] | None"
) -> Iterator[Problem]:
    if not free:
        return
    message = _message([one.name for one in free if not one.bound], [one.name for one in free if one.bound])
    place = Span(min(one.entry.span.start for one in free), max(one.entry.span.end for one in free))
    if not any(statement.contains(place) for statement in file.statements):
        place = free[0].entry.span  # so that a pragma can cover it
    edits = [edit for one in free if pinned and (edit := _pin(file, one, equals, pinned(one.name)))]
    unfixable = None if file.solves else NOT_THERE if pinned else NO_PINS
    fix = Fix("pin them", tuple(edits)) if edits else None
    yield Problem(message, place, fix, unfixable=unfixable)


def _pin(file: "EnvironmentFile", free: _Free, equals: str, version: str | None) -> Edit | None:
    from slimconda.environments.edits import replacement

    if version is None or file.solves or not VERSION.fullmatch(version) or not _fits(free.bound, version):
        return None
    end = free.at + len(free.old)
    return replacement(file, free.entry, free.at, f"{equals}{version}{free.entry.text[end:]}")


def _fits(bound: str, version: str) -> bool:
    """Tell whether a version is surely at or above a lower end."""
    wanted = re.sub(r"^>=?\s*", "", bound.strip())
    if not bound:
        return True
    if not NUMBERS.fullmatch(wanted) or not NUMBERS.fullmatch(version) or not bound.strip().startswith(">"):
        return False
    numbers = [[int(number) for number in text.split(".")] for text in (version, wanted)]
    return numbers[0] > numbers[1] or (numbers[0] == numbers[1] and ">=" in bound)


def _conda(file: "EnvironmentFile") -> Iterator[_Free]:
    """Yield the free packages of the conda part; `pip` itself only says that pip is used."""
    for entry in file.dependencies:
        spec = parse_spec(entry.text)
        if spec is None or spec.build or spec.name in VARIANTS | {"pip"} or "[" in entry.text:
            continue
        bound = spec.version if spec.version and OPEN_END.fullmatch(spec.version) else ""
        if bound or not spec.is_pinned:
            at = entry.text.lower().index(spec.name, len(spec.channel or "")) + len(spec.name)
            yield _Free(entry, spec.name, at, entry.text[at:], bound or "")


def _pip(entries: "Iterable[Entry]") -> Iterator[_Free]:
    from slimconda.environments.requirements import requirement_of

    for entry in entries:
        found = requirement_of(entry.text)
        if found is None or (found.version and not OPEN_END.fullmatch(found.version)):
            continue
        yield _Free(entry, found.name, found.at, entry.text[found.at : found.end], found.version)
