"""Owns the comparison of two images' files: what went, by rule; what differs as two builds may; what else differs."""

import posixpath
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from slimconda.prove.files import File

# What two builds of one text differ in: bytecode holds times, conda's history and logs hold them as text.
EXPECTED = {
    "bytecode": re.compile(r".*(?:\.pyc|\.pyo|/__pycache__(?:/.*)?)"),
    "conda-meta/history": re.compile(r".*/conda-meta/history"),
    "logs": re.compile(r"/var/log(?:/.*)?|.*\.log|.*/pkgs/\.logs(?:/.*)?|/var/cache/ldconfig/aux-cache"),
    # The empty folder of conda-build: `conda clean` of conda 4 looks for sources there, and makes it.
    "conda-bld": re.compile(r".*/conda-bld"),
}


@dataclass(frozen=True)
class Difference:
    """A path that differs, and how: it is gone, new, or something of it changed."""

    path: str
    how: str
    size: int


@dataclass(frozen=True)
class Comparison:
    """All differences between two images' files, and how many paths are equal.

    `residue` holds those of files that are a rule's residue, by its name, `expected` those that two builds have anyway.
    """

    residue: Mapping[str, tuple[Difference, ...]]
    expected: Mapping[str, tuple[Difference, ...]]
    others: tuple[Difference, ...]
    equal: int


def compare(before: Mapping[str, File], after: Mapping[str, File], rule_of: Callable[[str], str | None]) -> Comparison:
    """Compare two images' files; `rule_of` names the rule whose residue a path is."""
    found = list(_differences(before, after))
    by_path = _rules(found, rule_of)
    sorted_out: dict[str, dict[str, list[Difference]]] = {"residue": defaultdict(list), "expected": defaultdict(list)}
    others = []
    for difference in found:
        rule, reason = by_path.get(difference.path), _expected(difference.path)
        if rule:
            sorted_out["residue"][rule].append(difference)
        elif reason:
            sorted_out["expected"][reason].append(difference)
        else:
            others.append(difference)
    changed = {difference.path for difference in found}
    equal = sum(path not in changed for path in before)
    residue, expected = ({name: tuple(ones) for name, ones in part.items()} for part in sorted_out.values())
    return Comparison(residue, expected, tuple(others), equal)


def _rules(found: Iterable[Difference], rule_of: Callable[[str], str | None]) -> dict[str, str]:
    """Return the paths that are residue, with the rule's name; of folders also those that are gone with it."""
    rules = {one.path: rule for one in found if (rule := rule_of(one.path))}
    gone = {one.path for one in found if one.how == "gone"}
    for path, rule in [(path, rule) for path, rule in rules.items() if path in gone]:
        folder = posixpath.dirname(path)
        while folder in gone and folder not in rules:
            rules[folder] = rule
            folder = posixpath.dirname(folder)
    return rules


def _expected(path: str) -> str | None:
    return next((name for name, pattern in EXPECTED.items() if pattern.fullmatch(path)), None)


def _differences(before: Mapping[str, File], after: Mapping[str, File]) -> Iterator[Difference]:
    common = before.keys() & after.keys()
    linked_before, linked_after = _names(before, common), _names(after, common)
    for path in sorted(before.keys() | after.keys()):
        if path not in after:
            yield Difference(path, "gone", _size(before[path], path))
        elif path not in before:
            yield Difference(path, "new", _size(after[path], path))
        elif hows := list(_changes(before[path], after[path])):
            yield Difference(path, ", ".join(hows), after[path].size)
        elif linked_before[before[path].inode] != linked_after[after[path].inode]:
            yield Difference(path, "hard links", after[path].size)
        elif before[path].kind == "link" and _leads(path, before) and not _leads(path, after):
            yield Difference(path, "broken link", 0)


def _leads(path: str, files: Mapping[str, File]) -> bool:
    """Tell whether a symbolic link's target exists, links in its own path aside."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), files[path].content)) in files


def _size(file: File, path: str) -> int:
    """Return the bytes that a name stores: a file of several names counts once, under the first."""
    return file.size if file.inode == path else 0


def _names(files: Mapping[str, File], common: Iterable[str]) -> dict[str, frozenset[str]]:
    """Return the names that each file has among those that both images have."""
    names: dict[str, set[str]] = defaultdict(set)
    for path in common:
        names[files[path].inode].add(path)
    return {inode: frozenset(paths) for inode, paths in names.items()}


def _changes(before: File, after: File) -> Iterator[str]:
    if before.kind != after.kind:
        yield "kind"
        return
    facts = ("mode", "owner", "attributes", "content")
    yield from (name for name in facts if getattr(before, name) != getattr(after, name))
