"""Real shells as the judge: RUNs merged into one end as they did in shells of their own, whatever command fails.

Thousands of shapes: `SLIMCONDA_SHAPES=5000 uv run pytest -q tests/test_shells_merged.py`.
"""

import json
import os
import shlex
import subprocess
import tempfile
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
from tests.test_findings import FOLDER, MARK, whole

SHAPES = int(os.environ.get("SLIMCONDA_SHAPES", "60"))
RULE = "conda-installs-split"

# Tells its words, and what its shell has left it: the folder, a variable, the umask. Each call but a clean is numbered.
STUB = """\
#!/bin/dash
name=${0#"$STATE"/}
case "$*" in *"clean "*) exit 0 ;; esac
read -r number < "$STATE/number"
number=$((number + 1))
echo $number > "$STATE/number"
echo "$name $* in $PWD with $A by $(umask)" >> "$STATE/trace"
case "$FAIL" in "$number") exit 3 ;; all) [ $number -gt 9 ] || exit 3 ;; esac
case "$name $*" in *install*|*create*) mkdir -p "$STATE/first"; cp "$STATE/bin/tool" "$STATE/first/tool" ;; esac
exit 0
"""
TOOLS = "conda mamba micromamba pip apt-get check0 check1 check2 check3 tool wget git pixi sudo env nice python fix-permissions".split()
DRIVER = """\
status() {
    echo 0 > "$STATE/number"
    : > "$STATE/trace"
    rm -rf first sub log x
    mkdir sub
    "$@" < /dev/null > "$STATE/output" 2> /dev/null
    echo "status $?" >> "$STATE/trace"
    cat "$STATE/output" "$STATE/trace"
    printf '\\0'
}
calls=0
for FAIL in none 1 2 3 4 5 6 7 8 9 all; do
    export FAIL
    case $FAIL in [0-9]*) [ $FAIL -le $calls ] || continue ;; esac
    status BEFORE
    read -r number < "$STATE/number"
    [ $number -le $calls ] || calls=$number
    status AFTER
done
"""
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
    return tmp_path_factory.mktemp("merged")


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


def outcomes(before: list[str], after: list[str], folder: Path) -> list[list[str]]:
    """Run two commands under each failure, and return what both tell, in turn."""
    driver = DRIVER.replace("BEFORE", shlex.join(before)).replace("AFTER", shlex.join(after))
    with tempfile.TemporaryDirectory(dir=folder) as state:
        (Path(state) / "bin").mkdir()
        for tool in TOOLS:
            (Path(state) / "bin" / tool).write_text(STUB)
            (Path(state) / "bin" / tool).chmod(0o755)
        (Path(state) / "two").write_text("1\n2\n")
        path = f"{state}/first:{state}/bin:{os.environ['PATH']}"
        variables = {"CONDA": "conda", "P": state, "PATH": path, "STATE": state}
        done = subprocess.run(
            ["timeout", "-s", "KILL", "30", "dash", "-c", driver],
            env=variables,
            capture_output=True,
            check=True,
            cwd=state,
        )
    return [part.splitlines() for part in done.stdout.decode().split("\0")[:-1]]


def judge(text: str, shell: str, folder: Path) -> bool:
    """Compare a file with its merged form under each failure; return whether RUNs were merged."""
    done = rewrite(Source("Dockerfile", text.encode()), Config(select=frozenset({RULE})), unsafe=True)
    assert done.gave_up is None
    if not done.changed:
        return False
    again = rewrite(Source("Dockerfile", done.data), Config(select=frozenset({RULE})), unsafe=True)
    assert not again.changed
    after = parse(Source("Dockerfile", done.data))
    told = outcomes(command(parse(done.source), shell), command(after, shell), folder)
    for first, second in zip(told[::2], told[1::2], strict=True):
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
