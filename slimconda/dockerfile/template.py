"""Owns how a template is told from a Dockerfile: its text is not what Docker will read."""

import re
from collections.abc import Iterable

from slimconda.dockerfile.scanner import Line, Role
from slimconda.source import Source

# What a line of a Dockerfile, or an image's name, cannot begin with.
START = re.compile(r"(?:FROM )?(?:\{[{%#]|<%|@\w+@)")
# A line of Jinja's own amid the lines of an instruction.
BLOCK = re.compile(rb"[ \t]*\{%[^\n]*%\}[ \t]*\r?\n?")
NAME = re.compile(r"\.(?:j2|jinja2?|tm?pl|template|erb|mustache|hbs|in)\Z", re.IGNORECASE)
MARK = re.compile(rb"\{\{|\{%|<%")


def is_template(source: Source, lines: Iterable[Line], starts: Iterable[str]) -> bool:
    """Tell whether marks of a template language stand in a file; `starts` are the texts of its instructions.

    Marks within an instruction's line could be for a program that it runs, such as docker's --format, unless the file
    is called a template. What a heredoc holds is never judged.
    """
    if any(START.match(text) for text in starts) or (NAME.search(source.path) and MARK.search(source.data)):
        return True
    if b"{%" not in source.data:
        return False
    return any(line.role is Role.TEXT and BLOCK.fullmatch(source.read(line.span)) for line in lines)
