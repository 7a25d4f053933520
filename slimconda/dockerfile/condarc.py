"""Owns conda's own configuration as far as a Dockerfile writes it: `conda config`, and lines put into a .condarc.

Source: conda's documentation of pkgs_dirs (the first writable one is filled).
"""

import re

COMMAND = re.compile(r"config\b[^&|;\n]*?--(?:add|prepend|append|set)[ =]+pkgs_dirs[ =]+[\"']?([^\s\"';&|]+)")
LIST = re.compile(r"pkgs_dirs[\"']?:\s*(?:\\n)?\s*(?:\[\s*|-\s*)[\"']?([^\s\"',;\]\\]+)")


def pkgs_dirs_of(text: str) -> tuple[str, ...]:
    """Return the package caches that an instruction's text configures, as they are written."""
    return tuple(match[1] for pattern in (COMMAND, LIST) for match in pattern.finditer(text))
