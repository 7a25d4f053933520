"""Owns the cache of reports: a file for each Dockerfile's content, configuration and slimconda's version.

It also says which files beside the Dockerfile were asked for, and holds only while these are as they were.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from functools import cache, partial
from pathlib import Path
from typing import Any

from slimconda import __version__
from slimconda.config import Config
from slimconda.errors import InputError
from slimconda.findings import Finding, Fix, LayerPart, Report, Safety, Severity
from slimconda.source import Edit, Source, Span
from slimconda.writing import write_file

# Nothing else is ever made of what a cache file says.
KNOWN: dict[str, Any] = {kind.__name__: kind for kind in (Finding, Fix, LayerPart, Safety, Severity, Edit, Span)}


def cached(folder: Path, source: Source, config: Config, judge: Callable[[Source, Config], Report]) -> Report:
    """Return the report of a Dockerfile: the one that was kept, or a new one, which is kept then."""
    report = _stored(folder, source, config)
    if report is None:
        asked: dict[str, str | None] = {}
        noted = judge(replace(source, beside=partial(_noted, source, asked)), config)
        report = replace(noted, sources={source.path: source})
        _keep(folder / _key(source, config), report, asked)
    return report


def _noted(source: Source, asked: dict[str, str | None], name: str) -> bytes | None:
    data = source.beside(name)
    asked[name] = _digest(data)
    return data


def _digest(data: bytes | None) -> str | None:
    return None if data is None else hashlib.sha256(data).hexdigest()


def _stored(folder: Path, source: Source, config: Config) -> Report | None:
    """Return the report that was kept for a Dockerfile, None where there is none that holds and can be read."""
    try:
        content = json.loads((folder / _key(source, config)).read_bytes())
        beside = dict(content["beside"])
        findings, is_template = _decoded(content["findings"]), bool(content["template"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    if not isinstance(findings, tuple) or not all(isinstance(finding, Finding) for finding in findings):
        return None
    if any(_digest(source.beside(name)) != digest for name, digest in beside.items()):
        return None
    return Report(findings, {source.path: source}, templates=(source.path,) if is_template else ())


def _keep(path: Path, report: Report, beside: dict[str, str | None]) -> None:
    """Keep a report; a folder that cannot be written is left alone."""
    content = {"findings": _encoded(report.findings), "template": bool(report.templates), "beside": beside}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, json.dumps(content).encode())
    except (OSError, InputError):
        return


def _key(source: Source, config: Config) -> str:
    settings = sorted((f.name, _sorted(getattr(config, f.name))) for f in fields(config))
    parts = [__version__, code_digest(), repr(settings), source.path]
    head = "\0".join(parts).encode("utf-8", "surrogateescape")
    return hashlib.sha256(b"%d\0%b%b" % (len(head), head, source.data)).hexdigest() + ".json"


def _sorted(value: object) -> object:
    return sorted(value) if isinstance(value, frozenset) else value


@cache
def code_digest() -> str:
    """Return what tells two checkouts of one version apart: the sizes and times of the package's files."""
    facts = [(size, time) for _, size, time in sorted(_code(str(Path(__file__).parent)))]
    return hashlib.sha256(repr(facts).encode()).hexdigest()


def _code(folder: str) -> Iterator[tuple[str, int, int]]:
    """Yield path, size and time of each Python file below a folder; pathlib takes three times as long."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(".py"):
                status = entry.stat()
                yield entry.path, status.st_size, status.st_mtime_ns
            elif entry.is_dir() and entry.name != "__pycache__":
                yield from _code(entry.path)


def _encoded(value: object) -> Any:
    match value:
        case Enum():
            return {"is": type(value).__name__, "value": value.value}
        case bytes():
            return {"is": "bytes", "value": value.decode("latin-1")}
        case tuple() | list():
            return [_encoded(item) for item in value]
        case _ if is_dataclass(value):
            return {"is": type(value).__name__} | {f.name: _encoded(getattr(value, f.name)) for f in fields(value)}
    return value


def _decoded(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_decoded(item) for item in value)
    if not isinstance(value, dict):
        return value
    kind = value.pop("is")
    if kind == "bytes":
        return value["value"].encode("latin-1")
    made = KNOWN[kind]
    return made(value["value"]) if issubclass(made, Enum) else made(**{k: _decoded(v) for k, v in value.items()})
