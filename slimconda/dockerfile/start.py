"""Owns how the finished image starts: the words of its last ENTRYPOINT and CMD, and the PATHs that it sets."""

import re
from collections.abc import Iterator

from slimconda.dockerfile.parser import Stage
from slimconda.dockerfile.stages import Stages

MARKS = re.compile(r"[\[\]\",'\s]+")


def shipped_line(stages: Stages) -> tuple[Stage, ...]:
    """Return the stage that ships and its ancestors, the oldest first."""
    return tuple(reversed(stages.lineage(stages.dockerfile.stages[max(stages.final)]))) if stages.final else ()


def start_words(line: tuple[Stage, ...]) -> tuple[str, ...]:
    """Return the words of the last ENTRYPOINT and the last CMD, of either form, without their quotes."""
    last = {i.keyword: i.value for stage in line for i in stage.instructions if i.keyword in {"ENTRYPOINT", "CMD"}}
    texts = (last[keyword] for keyword in ("ENTRYPOINT", "CMD") if keyword in last)
    return tuple(word for text in texts for word in MARKS.split(text) if word)


def paths(line: tuple[Stage, ...]) -> Iterator[str]:
    """Yield the text of each ENV that sets PATH."""
    for stage in line:
        for instruction in stage.instructions:
            if instruction.keyword == "ENV" and re.search(r"\bPATH\b", instruction.value):
                yield instruction.value
