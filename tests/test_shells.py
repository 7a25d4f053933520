"""Real shells as the judge: a fixed RUN ends as the unfixed one does, whatever fails, and leaves no cache behind."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from slimconda.config import Config
from slimconda.dockerfile.analysis import Analysis
from slimconda.dockerfile.parser import parse
from slimconda.rewriter import rewrite
from slimconda.source import Source

buildkit = pytest.importorskip("dockerfile", reason="no wheel of BuildKit's parser for this machine")

# Calls are numbered; those whose numbers FAIL holds fail. An install leaves a file in the cache, a clean empties it.
STUB = """\
#!/bin/sh
name=${0##*/}
if [ "$name" = sudo ]; then shift; exec "$@"; fi
case "$name $*" in
    *"conda clean"*|*"mamba clean"*) rm -f "$STATE"/cache/*; exit 0 ;;
esac
number=$(($(cat "$STATE/number") + 1))
echo $number > "$STATE/number"
echo "$name $*" >> "$STATE/trace"
case " $FAIL " in *" $number "*) exit 3 ;; esac
case "$*" in *install*|*create*) case "$name" in *conda|mamba) : > "$STATE/cache/$number" ;; esac ;; esac
exit 0
"""
TOOLS = ("conda", "mamba", "micromamba", "pip", "apt-get", "check", "sudo")
CALLS = st.sampled_from(
    ["conda install -y a", "conda install -y b", "mamba create -y -n e c", "sudo -E conda install d", "X=1 conda install e",
     "conda clean -afy", "pip install f", "apt-get update", "check", "echo done", "true", "conda install g > /dev/null",
     "echo y | conda install h", "bash -c 'conda install i'", "conda install j 2>&1 | cat"]
)  # fmt: skip
OPERATORS = st.sampled_from([" && "] * 4 + [" || ", "; ", " \\\n && ", " && \\\n    ", " \\\n# note\n  && "])
WRAPPED = st.sampled_from(
    ["{}"] * 5 + ["({})", "{{ {}; }}", "if check; then {}; fi", "for i in 1 2; do {}; done", "! {}"]
)
STARTS = st.sampled_from(["", "", "", "set -e; ", "set -eux; ", "set +e; ", "set -x && "])
ENDS = st.sampled_from(["", "", "", ";", " # why", "; check", "; echo $?"])


@st.composite
def run_texts(draw: st.DrawFn) -> str:
    """Draw a RUN's text."""
    text = draw(STARTS)
    for number in range(draw(st.integers(1, 4))):
        text += (draw(OPERATORS) if number else "") + draw(WRAPPED).format(draw(CALLS))
    return text + draw(ENDS)


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bin")
    for name in TOOLS:
        (folder / name).write_text(STUB)
        (folder / name).chmod(0o755)
    return folder


class Outcome:
    """How a script ended: its status, the calls it made besides cleans, the files left in the cache."""

    def __init__(self, script: str, shell: str, failing: str, tools: Path, state: Path) -> None:
        shutil.rmtree(state, ignore_errors=True)
        (state / "cache").mkdir(parents=True)
        (state / "number").write_text("0")
        environment = {"PATH": f"{tools}:{os.environ['PATH']}", "STATE": str(state), "FAIL": failing}
        command = [shell, "-c", script]
        done = subprocess.run(command, env=environment, capture_output=True, check=False, timeout=20, cwd=state)
        self.status = done.returncode
        trace = state / "trace"
        text = trace.read_text() if trace.exists() else ""
        # What fixes add to an install on purpose; nothing else about it may change.
        self.trace = re.sub(r" (?:--no-cache-dir|-y|--yes)(?= |$)", "", text, flags=re.MULTILINE).splitlines()
        self.cache = sorted(path.name for path in (state / "cache").iterdir())


def script_of(data: bytes) -> str:
    """Return a RUN's text as BuildKit's own parser joins it."""
    script: str = buildkit.parse_string(data.decode())[1].value[0]
    return script


def failures(script: str) -> Iterator[str]:
    """Yield which calls fail: none, each alone, all."""
    calls = min(6, sum(script.count(word) for word in ("conda", "mamba", "pip", "apt-get", "check")) + 1)
    yield from ["", *map(str, range(1, calls + 1)), " ".join(map(str, range(1, 20)))]


@pytest.mark.parametrize("shell", ["dash", "bash"])
@settings(max_examples=80, suppress_health_check=list(HealthCheck))
@given(text=run_texts())
def test_a_fix_changes_neither_status_nor_calls(text: str, shell: str, tools: Path, tmp_path: Path) -> None:
    source = Source("Dockerfile", f"FROM a\nRUN {text}\n".encode())
    done = rewrite(source, Config())
    before, after = script_of(source.data), script_of(done.data)
    for failing in failures(before):
        first = Outcome(before, shell, failing, tools, tmp_path / "state")
        if verdicts(source) == {"cleaned"} and first.status == 0:
            assert first.cache == []
        if done.changed:
            second = Outcome(after, shell, failing, tools, tmp_path / "state")
            assert (second.status, second.trace) == (first.status, first.trace)
            if verdicts(Source("Dockerfile", done.data)) == {"cleaned"} and second.status == 0:
                assert second.cache == []


def verdicts(source: Source) -> set[str]:
    return {install.verdict.value for layer in Analysis(parse(source), Config()).layers for install in layer.installs}


@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_a_version_without_quotes_is_a_redirect(shell: str, tmp_path: Path) -> None:
    def run(script: str) -> tuple[bytes, bool]:
        done = subprocess.run([shell, "-c", script], cwd=tmp_path, capture_output=True, check=False, timeout=20)
        return done.stdout, done.returncode == 0

    assert run("echo numpy>=1.2") == (b"", True)
    assert (tmp_path / "=1.2").read_text() == "numpy\n"
    assert run("echo pandas<2") == (b"", False)
    assert run('echo "numpy>=1.2"') == (b"numpy>=1.2\n", True)
