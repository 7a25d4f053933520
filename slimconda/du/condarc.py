"""Owns conda's own settings as far as they say where packages and environments are, and how they are linked.

Source: conda's documentation of the search path of .condarc: later files weigh more, lists of all files are joined.
"""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from slimconda.environments.yaml_nodes import Items, Node, Pairs, Scalar, YamlError, read_yaml

VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
TRUE = frozenset(("true", "yes", "on", "1"))
LARGEST = 1 << 20


@dataclass(frozen=True)
class Settings:
    """What the settings say; `files` are those that were read, `broken` those that are no YAML."""

    pkgs_dirs: tuple[str, ...] = ()
    envs_dirs: tuple[str, ...] = ()
    always_copy: bool = False
    always_softlink: bool = False
    files: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()


def read_settings(root: str, environment: Mapping[str, str]) -> Settings:
    """Return the settings from the files that conda would read, and the environment variables, which weigh most."""
    files, broken, found = [], [], []
    for path in _search_path(root, environment):
        try:
            node = _read(path)
        except OSError:
            continue
        except YamlError:
            broken.append(path)
            continue
        files.append(path)
        found.append(_keyed(node))
    found.reverse()
    home = environment.get("HOME") or os.path.expanduser("~")
    pkgs = [*_split(environment.get("CONDA_PKGS_DIRS"), ","), *_joined(found, "pkgs_dirs")]
    variable = environment.get("CONDA_ENVS_DIRS") or environment.get("CONDA_ENVS_PATH")
    envs = [*_split(variable, os.pathsep), *_joined(found, "envs_dirs"), *_joined(found, "envs_path")]
    return Settings(
        tuple(dict.fromkeys(_expanded(path, home, environment) for path in pkgs)),
        tuple(dict.fromkeys(_expanded(path, home, environment) for path in envs)),
        _is_true(found, "always_copy", environment.get("CONDA_ALWAYS_COPY")),
        _is_true(found, "always_softlink", environment.get("CONDA_ALWAYS_SOFTLINK")),
        tuple(files),
        tuple(broken),
    )


def _search_path(root: str, environment: Mapping[str, str]) -> Iterator[str]:
    home = environment.get("HOME") or os.path.expanduser("~")
    config = environment.get("XDG_CONFIG_HOME") or f"{home}/.config"
    folders = ("/etc/conda", "/var/lib/conda", root, f"{config}/conda", f"{home}/.conda")
    for folder in folders:
        yield from (f"{folder}/.condarc", f"{folder}/condarc")
        yield from _drop_ins(f"{folder}/condarc.d")
    yield f"{home}/.condarc"
    active = environment.get("CONDA_PREFIX")
    if active and os.path.realpath(active) != root:
        yield from (f"{active}/.condarc", f"{active}/condarc")
    if environment.get("CONDARC"):
        yield environment["CONDARC"]


def _drop_ins(folder: str) -> Iterator[str]:
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return
    yield from (f"{folder}/{name}" for name in names if name.endswith((".yml", ".yaml")))


def _read(path: str) -> Node | None:
    if not os.path.isfile(path):  # a pipe would never end
        raise FileNotFoundError(path)
    with open(path, "rb") as file:
        return read_yaml(file.read(LARGEST + 1))


def _keyed(node: Node | None) -> dict[str, Node]:
    pairs = node.pairs if isinstance(node, Pairs) else ()
    return {key.text: value for key, value in pairs if isinstance(key, Scalar)}


def _joined(found: list[dict[str, Node]], key: str) -> Iterator[str]:
    for keyed in found:
        value = keyed.get(key)
        if isinstance(value, Items):
            yield from (item.text for item in value.items if isinstance(item, Scalar) and item.text)
        elif isinstance(value, Scalar) and value.text:
            yield value.text


def _split(text: str | None, separator: str) -> list[str]:
    return [part.strip() for part in (text or "").split(separator) if part.strip()]


def _expanded(path: str, home: str, environment: Mapping[str, str]) -> str:
    path = VARIABLE.sub(lambda match: environment.get(match[1] or match[2], match[0]), path)
    return f"{home}{path[1:]}" if path == "~" or path.startswith("~/") else os.path.abspath(path)


def _is_true(found: list[dict[str, Node]], key: str, variable: str | None) -> bool:
    values = [value.text for keyed in found if isinstance(value := keyed.get(key), Scalar)]
    return next(iter([variable] if variable else values), "").lower() in TRUE
