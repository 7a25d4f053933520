"""Owns what pixi.toml, or pyproject.toml's [tool.pixi], asks for: channels and dependencies, each with its place.

Source: pixi's manifest reference. Its solver takes a conda package for the PyPI one of the same name where it knows
that both are the same, so that it installs none twice.
"""

from collections.abc import Iterator
from typing import Any

from slimconda.environments.file import Entry, EnvironmentFile, Mistake, PipPart, comments_in
from slimconda.environments.toml_places import Path, Toml, TomlError, read_toml, strings

CONDA, PYPI = "dependencies", "pypi-dependencies"


def read_pixi(data: bytes) -> EnvironmentFile:
    """Return what a manifest asks for; it never raises."""
    try:
        toml = read_toml(data)
    except TomlError as error:
        mistake = Mistake(str(error), error.span)
        if error.ours:
            return EnvironmentFile(unread=mistake)
        return EnvironmentFile(mistakes=(mistake,), comments=comments_in(data, ()))
    tool = toml.content.get("tool")
    inside = isinstance(tool, dict) and isinstance(tool.get("pixi"), dict)
    root: Path = ("tool", "pixi") if inside else ()
    table = tool["pixi"] if inside and isinstance(tool, dict) else toml.content
    pypi = tuple(_dependencies(table, root, PYPI, toml))
    return EnvironmentFile(
        channels=tuple(_channels(table, root, toml)),
        dependencies=tuple(_dependencies(table, root, CONDA, toml)),
        pip=PipPart(pypi[0].span, pypi) if pypi else None,
        statements=toml.statements,
        comments=comments_in(data, toml.words),
        data=data,
        solves=True,
    )


def _channels(table: dict[str, Any], root: Path, toml: Toml) -> Iterator[Entry]:
    for key in ("workspace", "project"):
        own = table.get(key)
        channels = own.get("channels") if isinstance(own, dict) else None
        for number, channel in enumerate(channels if isinstance(channels, list) else ()):
            span = toml.values.get((*root, key, "channels", str(number)))
            if isinstance(channel, str) and span is not None:
                yield Entry(channel, span)


def _dependencies(table: dict[str, Any], root: Path, kind: str, toml: Toml) -> Iterator[Entry]:
    """Yield the dependencies of all environments as specs, at the places of their values."""
    for path, packages in _tables(table, root, kind):
        for name, wanted in strings(packages):
            span = toml.values.get((*path, name)) or toml.values.get((*path, name, "version"))
            text = _spec(name, wanted, pypi=kind == PYPI)
            if span is not None and text is not None:
                yield Entry(text, span)


def _tables(table: dict[str, Any], root: Path, kind: str) -> Iterator[tuple[Path, Any]]:
    yield (*root, kind), table.get(kind)
    for target, own in strings(table.get("target")):
        yield (*root, "target", target, kind), own.get(kind) if isinstance(own, dict) else None
    for feature, own in strings(table.get("feature")):
        if isinstance(own, dict):
            yield from _tables(own, (*root, "feature", feature), kind)


def _spec(name: str, wanted: Any, *, pypi: bool) -> str | None:
    """Return the spec of a dependency as conda's or pip's files would write it, None for a path or an address."""
    table = wanted if isinstance(wanted, dict) else {"version": wanted}
    if {"path", "git", "url"} & set(table):
        return None
    version = str(table.get("version", "*")).strip()
    free = version in {"", "*"}
    if pypi:
        return name if free else f"{name} {version}"
    if "build" in table:
        return f"{name}[version='{version}',build='{table['build']}']"
    return name if free else f"{name} {version}"
