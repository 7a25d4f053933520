"""Owns the list of rules as a table or as JSON."""

import json

from slimconda.rulebook import Rule
from slimconda.settings import schema


def render_table(rules: list[Rule], style: str = "simple") -> str:
    """Return the rules as a table in one of tabulate's styles."""
    from tabulate import tabulate

    headers = ("rule", "severity", "fix", "default", "what it finds")
    rows = [
        (rule.name, rule.severity.label, rule.safety.value, "on" if rule.default else "off", rule.title)
        for rule in rules
    ]
    return tabulate(rows, headers=headers, tablefmt=style) + "\n"


def render_json(rules: list[Rule]) -> str:
    """Return the rules as JSON text."""
    fields = [
        {
            "name": rule.name,
            "title": rule.title,
            "severity": rule.severity.label,
            "fix": rule.safety.value,
            "default": rule.default,
            "residue": list(rule.residue),
        }
        for rule in rules
    ]
    return json.dumps({"version": 1, "rules": fields}, indent=2) + "\n"


def render_schema(rules: list[Rule]) -> str:
    """Return the JSON schema of the configuration file, which names the rules."""
    return json.dumps(schema([rule.name for rule in rules]), indent=2) + "\n"
