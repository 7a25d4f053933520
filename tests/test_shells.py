"""Real shells as the judge: a fixed RUN ends as the unfixed one does, whatever fails, and leaves no cache behind.

Thousands of shapes: `SLIMCONDA_SHAPES=5000 uv run pytest -q tests/test_shells.py`.
"""

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from slimconda.config import Config
from slimconda.dockerfile.analysis import Analysis
from slimconda.dockerfile.caches import Verdict
from slimconda.dockerfile.parser import Dockerfile, parse
from slimconda.dockerfile.scripts import Form, script_of
from slimconda.rewriter import rewrite
from slimconda.source import Source
from tests.shell_texts import instructions
from tests.shells import lay_out, told

SHAPES = int(os.environ.get("SLIMCONDA_SHAPES", "150"))


@dataclass(frozen=True)
class Outcome:
    """How a script ended: all that it wrote and called besides cleans, its status, whether its cache is empty."""

    told: list[str]
    status: int
    empty: bool


def outcome(lines: list[str]) -> Outcome:
    empty = True
    for line in lines:
        empty = line.startswith("clean ") or (empty and not line.startswith("filled by "))
    # What fixes add to an install on purpose; nothing else about it may change.
    told = [re.sub(r" (?:--no-cache-dir|-y|--yes)(?= |$)", "", line) for line in lines if not line.startswith("clean ")]
    return Outcome(told, int(lines[-1].removeprefix("status ")), empty)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lay_out(tmp_path_factory.mktemp("shells"), "check")


def arguments(dockerfile: Dockerfile, shell: str) -> list[str]:
    """Return what Docker would run for the file's last instruction, with one shell in the place of /bin/sh."""
    instruction = dockerfile.instructions[-1]
    words = ["sh", "-c"]
    for other in dockerfile.instructions:
        words = json.loads(other.value) if other.keyword == "SHELL" else words
    run = script_of(instruction, tuple(words), dockerfile.source)
    assert run is not None
    if run.form is Form.EXEC:
        return list(json.loads(instruction.value))
    return [shell if words[0] == "sh" else words[0], *words[1:], run.script.text.data.decode()]


@pytest.mark.parametrize("shell", ["dash", "bash"])
@settings(max_examples=SHAPES, suppress_health_check=list(HealthCheck))
@given(text=instructions())
def test_a_fix_changes_neither_status_nor_calls(text: str, shell: str, folder: Path) -> None:
    judge(text, shell, folder)


def judge(text: str, shell: str, folder: Path) -> None:
    source = Source("Dockerfile", f"FROM a\n{text}\n".encode())
    done = rewrite(source, Config())
    assert done.gave_up is None
    before, after = parse(source), parse(Source("Dockerfile", done.data))
    left, kept = verdicts(before), verdicts(after)
    if not done.changed and left != {Verdict.CLEANED}:
        return
    # An install that is not fixed, or of which no one can tell, may stay.
    clean = kept == {Verdict.CLEANED}
    for both in told(arguments(before, shell), arguments(after, shell), folder):
        first, second = map(outcome, both)
        assert second.told == first.told
        assert not clean or second.status or second.empty


def verdicts(dockerfile: Dockerfile) -> set[Verdict]:
    return {install.verdict for layer in Analysis(dockerfile, Config()).layers for install in layer.installs}
