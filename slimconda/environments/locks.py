"""Owns lock files: the packages that conda-lock, pixi and `conda list --explicit` chose, by environment and platform.

Sources: conda-lock's lock file of version 1 (`package`: name, version, manager, platform); pixi's lock files of version
3 to 6 (`environments`, and `packages` that they name by address); conda's explicit lists (addresses of archives).
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from urllib.parse import unquote

from slimconda.environments.environment import unreadable
from slimconda.environments.file import EnvironmentFile, Locked, Mistake, comments_in, line_statements
from slimconda.environments.requirements import normalized
from slimconda.environments.yaml_nodes import Items, Node, Pairs, Scalar, YamlError, read_document
from slimconda.source import Span

ARCHIVE = re.compile(r"([^/]+)-([^/-]+)-[^/-]+\.(?:conda|tar\.bz2)")
WHEEL = re.compile(r"([^/-]+)-([^/-]+)(?:-[^/]*)?\.(?:whl|tar\.gz|zip)")
EXPLICIT_LINE = re.compile(rb"^[ \t]*([^\s#@][^\s#]*)", re.MULTILINE)
START = Span(0, 0)
Groups = Callable[[dict[str, Node]], Iterator[tuple[str, Locked]]]


def read_conda_lock(data: bytes) -> EnvironmentFile:
    """Return what a conda-lock.yml chose; it never raises."""
    return _read(data, "package", _conda_lock)


def read_pixi_lock(data: bytes) -> EnvironmentFile:
    """Return what a pixi.lock chose; it never raises."""
    return _read(data, "environments", _pixi_lock)


def _read(data: bytes, key: str, groups_of: Groups) -> EnvironmentFile:
    try:
        yaml = read_document(data, lock=True)
    except YamlError as error:
        return unreadable(error, data)
    comments = comments_in(data, yaml.words)
    root = _table(yaml.root)
    if not isinstance(root.get(key), Items | Pairs):
        place = yaml.root.span if yaml.root else START
        return EnvironmentFile(mistakes=(Mistake(f"not a lock: it has no `{key}`", place),), comments=comments)
    groups: dict[str, list[Locked]] = defaultdict(list)
    for group, package in groups_of(root):
        groups[group].append(package)
    found = {group: tuple(dict.fromkeys(packages)) for group, packages in groups.items()}
    return EnvironmentFile(groups=found, statements=line_statements(data), comments=comments, data=data)


def _table(node: Node | None) -> dict[str, Node]:
    pairs = node.pairs if isinstance(node, Pairs) else ()
    return {key.text: value for key, value in pairs if isinstance(key, Scalar)}


def _items(node: Node | None) -> tuple[Node, ...]:
    return node.items if isinstance(node, Items) else ()


def _text(node: Node | None) -> str:
    return node.text if isinstance(node, Scalar) else ""


def _conda_lock(root: dict[str, Node]) -> Iterator[tuple[str, Locked]]:
    for node in _items(root["package"]):
        fields = _table(node)
        name, manager = _text(fields.get("name")), _text(fields.get("manager")) or "conda"
        if name:
            package = Locked(name, _text(fields.get("version")), manager, fields["name"].span)
            yield _text(fields.get("platform")), package


def _pixi_lock(root: dict[str, Node]) -> Iterator[tuple[str, Locked]]:
    known = {address: package for node in _items(root.get("packages")) for address, package in _described(node)}
    for environment, node in _table(root["environments"]).items():
        for platform, names in _table(_table(node).get("packages")).items():
            for one in _items(names):
                for manager, address in _table(one).items():
                    package = known.get(_text(address)) or _of_address(_text(address), manager, address.span)
                    if package is not None:
                        yield f"{environment} {platform}", replace(package, span=address.span)


def _described(node: Node) -> Iterator[tuple[str, Locked]]:
    """Yield a package of pixi's list by its address; PyPI's have their names there alone."""
    fields = _table(node)
    address = fields.get("conda") or fields.get("pypi") or fields.get("url")
    name, version = _text(fields.get("name")), _text(fields.get("version"))
    if address is not None and name:
        manager = "pip" if "pypi" in fields or _text(fields.get("kind")) == "pypi" else "conda"
        yield _text(address), Locked(name, version, manager, address.span)


def _of_address(address: str, manager: str, place: Span) -> Locked | None:
    """Return the package that an archive's file name tells."""
    name = unquote(address.partition("#")[0].partition("?")[0]).rpartition("/")[2]
    if manager == "pypi":
        match = WHEEL.fullmatch(name)
        return Locked(normalized(match[1]), match[2], "pip", place) if match else None
    match = ARCHIVE.fullmatch(name)
    return Locked(match[1], match[2], "conda", place) if match else None


def read_explicit(data: bytes) -> EnvironmentFile:
    """Return what an explicit list names: below `@EXPLICIT` an archive's address in each line; it never raises."""
    packages: list[Locked] = []
    mistakes: list[Mistake] = []
    for match in EXPLICIT_LINE.finditer(data):
        place = Span(match.start(1), match.end(1))
        address = match[1].decode("utf-8", "replace")
        package = _of_address(address, "conda", place)
        if package is not None:
            packages.append(package)
        elif "$" not in address:
            mistakes.append(Mistake(f"`{address}` is no address of a package's archive", place))
    return EnvironmentFile(
        mistakes=tuple(mistakes),
        groups={"": tuple(packages)},
        statements=line_statements(data),
        comments=comments_in(data, ()),
        data=data,
    )
