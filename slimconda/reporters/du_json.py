"""Owns the JSON report of a conda installation, version 1. All sizes are bytes."""

import json
from dataclasses import fields, is_dataclass
from functools import lru_cache
from operator import attrgetter
from typing import Any

from slimconda.du.facts import Facts
from slimconda.reporters.escapes import clean
from slimconda.reporters.json import VERSION

encoded = json.JSONEncoder(ensure_ascii=True).encode


def render(facts: Facts) -> str:
    """Return the facts as JSON text; undecodable bytes become U+FFFD."""
    content = {"version": VERSION, **{name: getattr(facts, name) for name in _names(Facts)}}
    return _text(content, "\n") + "\n"


def _text(value: Any, line: str) -> str:
    """Return a value as `json.dumps` writes it with an indent of 2, which takes longer; `line` is a line break."""
    if isinstance(value, str):
        return encoded(clean(value))
    if is_dataclass(value) and not isinstance(value, type):
        if (numbers := _numbers(type(value), line)) is not None:
            template, values = numbers
            return str(template % values(value))
        inside = f"{line}  "
        items = [f'"{name}": {_text(getattr(value, name), inside)}' for name in _names(type(value))]
        return _enclosed("{}", items, line)
    if isinstance(value, dict):
        items = [f"{encoded(clean(str(key)))}: {_text(item, f'{line}  ')}" for key, item in value.items()]
        return _enclosed("{}", items, line)
    if isinstance(value, list | tuple):
        return _enclosed("[]", [_text(item, f"{line}  ") for item in value], line)
    return encoded(value)


def _enclosed(brackets: str, items: list[str], line: str) -> str:
    return f"{brackets[0]}{line}  {f',{line}  '.join(items)}{line}{brackets[1]}" if items else brackets


@lru_cache
def _names(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


@lru_cache
def _numbers(kind: Any, line: str) -> tuple[str, "attrgetter[Any]"] | None:
    """Return how a dataclass of several numbers and nothing else is written: most of a report is in such ones."""
    names = _names(kind)
    if len(names) < 2 or {field.type for field in fields(kind)} != {int}:
        return None
    return "{" + ",".join(f'{line}  "{name}": %d' for name in names) + f"{line}}}", attrgetter(*names)
