"""Owns the picture at the top of the README: a pull request's changed lines with the annotation that GitHub shows."""

import re
from html import escape
from pathlib import Path

from slimconda.config import Config
from slimconda.linter import lint
from slimconda.reporters import github
from slimconda.source import Source

TOP = Path(__file__).parent.parent
PICTURE = TOP / ".github" / "pull-request.svg"
DOCKERFILE = b"""\
FROM condaforge/miniforge3:25.3.1-0
RUN apt-get update && apt-get install -y --no-install-recommends git
RUN conda install --yes numpy=2.2 pandas=2.2
COPY app.py /app.py
"""
FONT = 'font-family="ui-monospace, Menlo, Consolas, monospace"'
WIDTH, LINE, LEFT = 860, 22, 58


def draw() -> str:
    """Return the picture as SVG, made of what the github format prints for the Dockerfile."""
    lines = DOCKERFILE.decode().splitlines()
    output = github.render(lint(Source("Dockerfile", DOCKERFILE), Config())).splitlines()[0]
    match = re.fullmatch(r"::(\w+) file=(.*?),line=(\d+),.*,title=(.*?)::(.*)", output)
    assert match is not None
    level, name, line, title, message = match.groups()
    return "\n".join([*_parts(lines, int(line), name, f"{level}: {title}".replace("%3A", ":"), message), "</svg>", ""])


def _parts(lines: list[str], found: int, name: str, title: str, message: str) -> list[str]:
    height = LINE * (len(lines) + 6)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" font-size="13" {FONT}>',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{height}" rx="6" fill="#ffffff" stroke="#d0d7de"/>',
        _text(12, 1, name, "#1f2328", "bold"),
    ]
    row = 2
    for number, line in enumerate(lines, 1):
        added = number == found
        parts.append(
            f'<rect x="1" y="{LINE * row - 16}" width="{WIDTH - 2}" height="{LINE}" fill="{"#dafbe1" if added else "#ffffff"}"/>'
        )
        parts.append(_text(12, row, f"{number:>2} {'+' if added else ' '}", "#59636e"))
        parts.append(_text(LEFT, row, line, "#1f2328"))
        row += 1
        if added:
            parts.append(
                f'<rect x="{LEFT}" y="{LINE * row - 14}" width="{WIDTH - LEFT - 16}" height="{LINE * 3 - 8}" rx="6" fill="#fff8c5" stroke="#d4a72c"/>'
            )
            parts.append(_text(LEFT + 12, row + 0.4, title, "#9a6700", "bold"))
            parts.append(_text(LEFT + 12, row + 1.4, message, "#1f2328"))
            row += 3
    return parts


def _text(left: int, row: float, text: str, colour: str, weight: str = "normal") -> str:
    return f'<text x="{left}" y="{LINE * row:g}" fill="{colour}" font-weight="{weight}" xml:space="preserve">{escape(text)}</text>'
