"""Owns the JSON report of a conda installation, version 1. All sizes are bytes."""

import json
from dataclasses import fields, is_dataclass
from typing import Any

from slimconda.du.facts import Facts
from slimconda.reporters.escapes import clean
from slimconda.reporters.json import VERSION


def render(facts: Facts) -> str:
    """Return the facts as JSON text; undecodable bytes become U+FFFD."""
    content = {"version": VERSION, **{field.name: _plain(getattr(facts, field.name)) for field in fields(facts)}}
    return json.dumps(content, indent=2, ensure_ascii=True) + "\n"


def _plain(value: Any) -> Any:
    """Return a value as what JSON knows."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {clean(str(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    return value
