"""Owns the picture at the top of the README: a pull request's changed lines, the annotation, and the suggested fix."""

import json
import re
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from textwrap import wrap

from slimconda.config import Config
from slimconda.linter import lint
from slimconda.reporters import github, rdjson
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
WIDTH, LINE, LEFT, CHARACTERS = 860, 22, 58, 92
INK, SOFT, AMBER = "#1f2328", "#59636e", "#9a6700"
ADDED, REMOVED = "#dafbe1", "#ffebe9"


@dataclass
class Canvas:
    """What is drawn so far, and the row that comes next."""

    row: float = 1
    parts: list[str] = field(default_factory=list)

    def text(self, left: int, text: str, colour: str = INK, weight: str = "normal") -> None:
        self.parts.append(
            f'<text x="{left}" y="{LINE * self.row:g}" fill="{colour}" font-weight="{weight}" xml:space="preserve">{escape(text)}</text>'
        )

    def stripe(self, left: int, width: int, colour: str) -> None:
        self.parts.append(
            f'<rect x="{left}" y="{LINE * self.row - 16:g}" width="{width}" height="{LINE}" fill="{colour}"/>'
        )


def draw() -> str:
    """Return the picture as SVG, made of what the github and rdjson formats print for the Dockerfile."""
    report = lint(Source("Dockerfile", DOCKERFILE), Config())
    match = re.fullmatch(r"::(\w+) file=(.*?),line=(\d+),.*,title=(.*?)::(.*)", github.render(report).splitlines()[0])
    assert match is not None
    level, name, line, title, message = match.groups()
    canvas = Canvas()
    canvas.text(12, name, weight="bold")
    for number, text in enumerate(DOCKERFILE.decode().splitlines(), 1):
        canvas.row += 1
        canvas.stripe(1, WIDTH - 2, ADDED if number == int(line) else "#ffffff")
        canvas.text(12, f"{number:>2} {'+' if number == int(line) else ' '}", SOFT)
        canvas.text(LEFT, text)
        if number == int(line):
            _note(canvas, f"{level}: {title}".replace("%3A", ":"), message, _suggested(rdjson.render(report), text))
    height = LINE * (canvas.row + 1)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height:g}" font-size="13" {FONT}>'
    ground = f'<rect width="{WIDTH}" height="{height:g}" rx="6" fill="#ffffff" stroke="#d0d7de"/>'
    return "\n".join([head, f"<title>{escape(title)}</title>", ground, *canvas.parts, "</svg>", ""])


def _suggested(report: str, text: str) -> tuple[str, str]:
    """Return a line before and after the suggestion for it."""
    (suggestion,) = json.loads(report)["diagnostics"][0]["suggestions"]
    start, end = (suggestion["range"][side]["column"] - 1 for side in ("start", "end"))
    return text, text[:start] + suggestion["text"] + text[end:]


def _note(canvas: Canvas, title: str, message: str, suggested: tuple[str, str]) -> None:
    lines = wrap(message, CHARACTERS)
    rows = len(lines) + 4.6
    canvas.parts.append(
        f'<rect x="{LEFT}" y="{LINE * (canvas.row + 0.4):g}" width="{WIDTH - LEFT - 16}" height="{LINE * rows:g}" rx="6" fill="#fff8c5" stroke="#d4a72c"/>'
    )
    canvas.row += 1.3
    canvas.text(LEFT + 12, title, AMBER, "bold")
    for line in lines:
        canvas.row += 1
        canvas.text(LEFT + 12, line)
    canvas.row += 1.2
    canvas.text(LEFT + 12, "Suggested change", SOFT, "bold")
    for sign, colour, line in zip("-+", (REMOVED, ADDED), suggested, strict=True):
        canvas.row += 1
        canvas.stripe(LEFT + 12, WIDTH - LEFT - 40, colour)
        canvas.text(LEFT + 20, f"{sign} {line}")
    canvas.row += 0.4
