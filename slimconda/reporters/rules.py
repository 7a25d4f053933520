"""Owns the list of rules as a table or as JSON."""

import json

from slimconda.rulebook import Rule
from slimconda.settings import schema


def render_table(rules: list[Rule], style: str = "simple") -> str:
    """Return the rules as a table in one of tabulate's styles."""
    from tabulate import tabulate

    rows = [(rule.name, rule.severity.label, rule.safety.value, rule.title) for rule in rules]
    return tabulate(rows, headers=("rule", "severity", "fix", "what it finds"), tablefmt=style) + "\n"


def render_json(rules: list[Rule]) -> str:
    """Return the rules as JSON text."""
    fields = [
        {
            "name": rule.name,
            "title": rule.title,
            "severity": rule.severity.label,
            "fix": rule.safety.value,
            "residue": list(rule.residue),
        }
        for rule in rules
    ]
    return json.dumps({"version": 1, "rules": fields}, indent=2) + "\n"


def render_schema(rules: list[Rule]) -> str:
    """Return the JSON schema of the configuration file, which names the rules."""
    return json.dumps(schema([rule.name for rule in rules]), indent=2) + "\n"
