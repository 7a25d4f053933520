"""Owns which files describe environments, and in which language: by name, else by content."""

import re
from enum import Enum

ENVIRONMENT = re.compile(r"(?:.*[-_.])?environment(?:[-_.].*)?\.ya?ml", re.IGNORECASE)
CONDA_LOCK = re.compile(r"(?:.*[-_.])?conda-lock\.ya?ml", re.IGNORECASE)
REQUIREMENTS = re.compile(r"(?:.*[-_.])?requirements(?:[-_.].*)?\.(?:txt|in)", re.IGNORECASE)
HAS_DEPENDENCIES = re.compile(rb"^[\"']?dependencies[\"']?[ \t]*:", re.MULTILINE)
HAS_CHANNELS = re.compile(rb"^[\"']?channels[\"']?[ \t]*:", re.MULTILINE)
EXPLICIT = re.compile(rb"^@EXPLICIT\b", re.MULTILINE)
PIXI_TABLE = re.compile(rb"^[ \t]*\[[ \t]*tool[ \t]*\.[ \t]*pixi\b", re.MULTILINE)
# In a Dockerfile: the names of files that may be of these kinds.
NAMED = re.compile(rb"[\w./-]+\.(?:ya?ml|toml|lock|txt)\b")
MANIFESTS = ("pixi.toml", "pixi.lock")
LARGEST = 8 << 20


class Kind(Enum):
    """What a file says of an environment: what is asked for, or in a lock what was chosen."""

    ENVIRONMENT = "environment.yml"
    PIXI = "pixi.toml"
    REQUIREMENTS = "requirements.txt"
    CONDA_LOCK = "conda-lock.yml"
    PIXI_LOCK = "pixi.lock"
    EXPLICIT = "explicit.txt"


def is_environment_name(name: str) -> bool:
    """Tell whether a file of that name is taken for one that describes a conda environment."""
    return ENVIRONMENT.fullmatch(name) is not None and CONDA_LOCK.fullmatch(name) is None


def kind_of(path: str, data: bytes) -> Kind | None:
    """Return what an environment file is by its name, else by its content; None for a file of another sort."""
    name = path.rpartition("/")[2]
    if CONDA_LOCK.fullmatch(name):
        return Kind.CONDA_LOCK
    if ENVIRONMENT.fullmatch(name):
        return Kind.ENVIRONMENT
    match name.lower().rpartition(".")[2]:
        case "yml" | "yaml":
            return Kind.ENVIRONMENT if _lists_packages(name.lower(), data) else None
        case "toml":
            pixi = name == "pixi.toml" or (name == "pyproject.toml" and PIXI_TABLE.search(data))
            return Kind.PIXI if pixi else None
        case "lock" | "txt" | "in":
            return _of_text(name, data)
    return None


def _lists_packages(name: str, data: bytes) -> bool:
    """Tell whether YAML of another name is an environment file: Helm, Dart and MLflow have `dependencies`, too."""
    if not HAS_DEPENDENCIES.search(data) or b"build_dependencies:" in data:
        return False
    return "env" in name or "conda" in name or HAS_CHANNELS.search(data) is not None


def _of_text(name: str, data: bytes) -> Kind | None:
    if name == "pixi.lock":
        return Kind.PIXI_LOCK
    if EXPLICIT.search(data):
        return Kind.EXPLICIT
    return Kind.REQUIREMENTS if REQUIREMENTS.fullmatch(name) else None
