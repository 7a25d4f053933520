"""Real shells as the judge: a fixed RUN ends as the unfixed one does, whatever fails, and leaves no cache behind.

Thousands of shapes: `SLIMCONDA_SHAPES=5000 uv run pytest -q tests/test_shells.py`.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import tempfile
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

SHAPES = int(os.environ.get("SLIMCONDA_SHAPES", "150"))

# Calls are numbered, cleans aside; that of number FAIL fails, or the first nine where it is "all". No program is started: fast.
STUB = """\
#!/bin/dash
name=${0##*/}
case "$name" in sudo|nice|env) while :; do case "$1" in -*|*=*) shift ;; *) break ;; esac; done; exec "$@" ;; esac
case "$*" in *"clean "*) echo "clean $*" >> trace; exit 0 ;; esac
read -r number < number
number=$((number + 1))
echo $number > number
echo "$name $*" >> trace
case "$FAIL" in "$number") exit 3 ;; all) [ $number -gt 9 ] || exit 3 ;; esac
case "$name $*" in pip*|apt*) ;; *install*|*create*|*update*|*" -b -p "*) echo "filled by $number" >> trace ;; esac
exit 0
"""
TOOLS = "conda mamba micromamba pip apt-get check sudo env nice python fix-permissions".split()
DRIVER = """\
status() {
    echo 0 > number
    : > trace
    rm -f log x
    "$@" < /dev/null > output 2> /dev/null
    echo "status $?" >> trace
    cat output trace
    printf '\\0'
}
calls=0
for FAIL in none 1 2 3 4 5 6 7 8 9 all; do
    export FAIL
    case $FAIL in [0-9]*) [ $FAIL -le $calls ] || continue ;; esac
    status BEFORE
    read -r number < number
    [ $number -le $calls ] || calls=$number
    status AFTER
done
"""


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
    folder = tmp_path_factory.mktemp("shells")
    (folder / "bin").mkdir()
    for name in [*(f"bin/{tool}" for tool in TOOLS), "Miniconda3-x.sh"]:
        (folder / name).write_text(STUB)
        (folder / name).chmod(0o755)
    return folder


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


def runs(before: list[str], after: list[str], folder: Path) -> list[tuple[Outcome, Outcome]]:
    """Run two commands under each failure, and return how both end."""
    driver = DRIVER.replace("BEFORE", shlex.join(before)).replace("AFTER", shlex.join(after))
    variables = {"CONDA": "conda", "P": str(folder), "PATH": f"{folder}/bin:{os.environ['PATH']}"}
    command = ["timeout", "-s", "KILL", "30", "dash", "-c", driver]
    with tempfile.TemporaryDirectory(dir=folder) as state:
        (Path(state) / "two").write_text("1\n2\n")
        shutil.copy(folder / "Miniconda3-x.sh", state)
        done = subprocess.run(command, env=variables, capture_output=True, check=True, cwd=state)
    found = [outcome(part.splitlines()) for part in done.stdout.decode().split("\0")[:-1]]
    return list(zip(found[::2], found[1::2], strict=True))


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
    for first, second in runs(arguments(before, shell), arguments(after, shell), folder):
        assert second.told == first.told
        assert not clean or second.status or second.empty


def verdicts(dockerfile: Dockerfile) -> set[Verdict]:
    return {install.verdict for layer in Analysis(dockerfile, Config()).layers for install in layer.installs}
