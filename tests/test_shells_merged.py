"""Real shells as the judge: RUNs merged into one end as they did in shells of their own, whatever command fails.

Thousands of shapes: `SLIMCONDA_SHAPES=5000 uv run pytest -q tests/test_shells_merged.py`.
"""

import json
import os
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from slimconda.config import Config
from slimconda.dockerfile.parser import Dockerfile, parse
from slimconda.dockerfile.scripts import script_of
from slimconda.rewriter import rewrite
from slimconda.source import Source
from tests.shell_texts import Style, lists
from tests.shells import lay_out, told
from tests.test_findings import FOLDER, MARK, whole

SHAPES = int(os.environ.get("SLIMCONDA_SHAPES", "60"))
RULE = "conda-installs-split"

# The first install brings a program into the folder that PATH names first.
BRINGS = 'case "$name $*" in *install*|*create*) mkdir -p "$STATE/first"; cp "$P/bin/tool" "$STATE/first/tool" ;; esac'
PROGRAMS = "check0 check1 check2 check3 tool wget git pixi".split()
STARTS = [""] * 8 + [
    "set -e; ", "set -ex; ", "set -eux && ", "set -x && ", "cd sub && ", "cd sub; ", "export A=1 && ", "A=1 && ", "A=2; ",
    "umask 077 && ", "for i in 1 2; do check $i; done && ", "set -u; ", "trap 'check 9' EXIT; ", "b=3; ", "set +e; ",
    "tool && ", "check $A $b $i && ", "check && ", "check; ", "check || exit 1; ",
    "[ -n \"$A\" ] && set -e; ", "[ -z \"$A\" ] && set -e; ",
]  # fmt: skip
ENDS = [""] * 8 + [
    ";", " # why", " && exit 0", " || exit 1", " || true", " && check $A $b $i", "; check", " && conda clean -afy",
    "; conda clean -afy", " && tool", " && check $-", " && check $?", " && conda clean --all --yes # all", " && (exit 4)",
]  # fmt: skip
INSTALLS = ["conda install -y a", "conda install -y b", "mamba create -y -n e c", "conda env create -f e.yml"]
JOINTS = [" && ", " && ", " \\\n && ", " && \\\n    ", "; ", " || "]
SHELLS = [""] * 4 + ['SHELL ["/bin/bash", "-euo", "pipefail", "-c"]\n', 'SHELL ["sh", "-ec"]\n']
GAPS = ["", "", "\n", "# note\n", "\n  # note\n\n"]


@st.composite
def bodies(draw: st.DrawFn) -> str:
    """Draw a RUN's script with an install in it."""
    text = draw(st.sampled_from(STARTS)) + draw(st.sampled_from(INSTALLS))
    if draw(st.integers(0, 2)) == 0:
        text += draw(st.sampled_from(JOINTS)) + draw(lists(Style(literal=False), draw(st.integers(0, 1))))
    elif draw(st.integers(0, 2)) == 0:
        text = draw(lists(Style(literal=False), draw(st.integers(0, 1)))) + draw(st.sampled_from(JOINTS)) + text
    return text + draw(st.sampled_from(ENDS))


@st.composite
def files(draw: st.DrawFn) -> str:
    """Draw a Dockerfile of two to four RUNs."""
    runs = draw(st.lists(bodies(), min_size=2, max_size=4))
    # Programs of one name in two RUNs keep these apart, but for `tool`.
    runs = [run.replace("check", f"check{number}") for number, run in enumerate(runs)]
    text = "".join(f"{draw(st.sampled_from(GAPS))}RUN {run}\n" for run in runs)
    return f"FROM a\n{draw(st.sampled_from(SHELLS))}{text}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lay_out(tmp_path_factory.mktemp("merged"), *PROGRAMS, also=BRINGS)


def command(dockerfile: Dockerfile, shell: str) -> list[str]:
    """Return a command that runs a file's RUNs as Docker does: each in a shell of its own, up to the first that fails."""
    words, runs = ["sh", "-c"], []
    for instruction in dockerfile.instructions:
        if instruction.keyword == "SHELL":
            words = json.loads(instruction.value)
        run = script_of(instruction, tuple(words), dockerfile.source)
        if run:
            program = shell if words[0] == "sh" else words[0]
            runs.append(shlex.join([program, *words[1:], run.script.text.data.decode()]))
    return ["dash", "-c", " && ".join(runs)]


def judge(text: str, shell: str, folder: Path) -> bool:
    """Compare a file with its merged form under each failure; return whether RUNs were merged."""
    done = rewrite(Source("Dockerfile", text.encode()), Config(select=frozenset({RULE})), unsafe=True)
    assert done.gave_up is None
    if not done.changed:
        return False
    again = rewrite(Source("Dockerfile", done.data), Config(select=frozenset({RULE})), unsafe=True)
    assert not again.changed
    after = parse(Source("Dockerfile", done.data))
    for both in told(command(parse(done.source), shell), command(after, shell), folder):
        first, second = ([line for line in lines if not line.startswith("clean ")] for lines in both)
        assert second == first, done.data.decode()
    return True


@pytest.mark.parametrize("shell", ["dash", "bash"])
@settings(max_examples=SHAPES, suppress_health_check=list(HealthCheck))
@given(text=files())
def test_merged_runs_tell_and_end_as_they_did(text: str, shell: str, folder: Path) -> None:
    judge(text, shell, folder)


CASES = [
    pytest.param(case, id=case["why"])
    for case in tomllib.loads((FOLDER / f"{RULE}.toml").read_text())["case"]
    if "unsafe" in case and "service" not in case["text"]
]


@pytest.mark.parametrize("shell", ["dash", "bash"])
@pytest.mark.parametrize("case", CASES)
def test_the_labelled_files_end_as_they_did(case: dict[str, Any], shell: str, folder: Path) -> None:
    assert judge(whole(MARK.sub("", case["text"]), "Dockerfile"), shell, folder)
