"""What holds for merged RUNs by their construction: over generated files of every line end and escape character."""

import random
import re
import subprocess

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from slimconda.checks import CHECKS
from slimconda.config import Config
from slimconda.dockerfile.parser import Dockerfile, Instruction, parse
from slimconda.dockerfile.scripts import script_of
from slimconda.dockerfile.shell import commands
from slimconda.linter import lint
from slimconda.rewriter import Rewrite, rewrite
from slimconda.source import Source
from tests.dockerfiles import dockerfiles
from tests.test_shells_merged import RULE, files

buildkit = pytest.importorskip("dockerfile", reason="no wheel of BuildKit's parser for this machine")
ALONE = Config(select=frozenset({RULE}))
WITH_OTHERS = Config(extend_select=frozenset({RULE}))
COMMENT = re.compile(rb"^[ \t]*(#[^\r\n]*)", re.MULTILINE)
FEW = settings(max_examples=100, suppress_health_check=list(HealthCheck))


@st.composite
def spelt(draw: st.DrawFn) -> bytes:
    """Draw a file of RUNs in one of the spellings that Docker knows, other instructions around it."""
    text = draw(files()).replace("FROM a\n", "FROM a\nARG x=1\n", 1) + draw(
        st.sampled_from(["", "ENV b=1\n", "# end\n"])
    )
    if "SHELL" not in text and draw(st.integers(0, 3)) == 0:
        text = "# escape=`\n" + text.replace("\\\n", "`\n")
    if draw(st.booleans()):
        text = text.replace("\nRUN ", "\n\trun  ")
    if draw(st.booleans()):
        text = text.replace("\nRUN ", "\nRUN --mount=type=cache,target=/c --network=none ")
    data = text.encode() if draw(st.booleans()) else text.encode().replace(b"\n", b"\r\n")
    return data if draw(st.booleans()) else data.rstrip(b"\r\n")


def fixed(data: bytes, config: Config = ALONE) -> Rewrite:
    return rewrite(Source("Dockerfile", data), config, unsafe=True)


def others(data: bytes) -> list[tuple[str, tuple[str, ...]]]:
    return [(one.cmd, tuple(one.value)) for one in buildkit.parse_string(data.decode()) if one.cmd.upper() != "RUN"]


def runs(data: bytes) -> tuple[Dockerfile, list[Instruction]]:
    dockerfile = parse(Source("Dockerfile", data))
    return dockerfile, [one for one in dockerfile.instructions if one.keyword == "RUN"]


def told(data: bytes) -> list[str]:
    """Return the commands of all RUNs but cleans, in their order."""
    dockerfile, instructions = runs(data)
    scripts = [script_of(one, ("/bin/sh", "-c"), dockerfile.source) for one in instructions]
    found = [command for run in scripts if run for command in commands(run.script.body)]
    return [words for words in (" ".join(word.raw for word in one.words) for one in found) if " clean " not in words]


def taken(data: bytes, shell: str) -> bool:
    dockerfile, instructions = runs(data)
    texts = [script_of(one, ("/bin/sh", "-c"), dockerfile.source) for one in instructions]
    script = b"\n".join(run.script.text.data for run in texts if run)
    return subprocess.run([shell, "-n"], input=script, capture_output=True, check=False).returncode == 0


@FEW
@given(spelt())
def test_the_rest_of_the_file_stays(data: bytes) -> None:
    done = fixed(data)
    assert done.gave_up is None
    assert not fixed(done.data).changed
    assert others(done.data) == others(data)
    assert told(done.data) == told(data)
    before = COMMENT.findall(data)
    assert [one for one in COMMENT.findall(done.data) if one in before] == before
    assert done.data.count(b"\r\n") in {0, done.data.count(b"\n")}
    assert done.data.endswith(b"\n") == data.endswith(b"\n")
    merged = len(runs(data)[1]) - len(runs(done.data)[1])
    assert merged == len(done.fixed)
    assert len(lint(Source("Dockerfile", done.data), ALONE).findings) == len(lint(done.source, ALONE).findings) - merged


@FEW
@given(spelt())
def test_shells_take_what_they_took(data: bytes) -> None:
    for shell in ("dash", "bash"):
        assert taken(fixed(data).data, shell) or not taken(data, shell)


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(spelt())
def test_with_the_other_rules_there_is_an_end_whatever_their_order(data: bytes) -> None:
    done = fixed(data, WITH_OTHERS)
    assert done.gave_up is None
    assert not fixed(done.data, WITH_OTHERS).changed
    assert others(done.data) == others(data)
    names = random.Random(data).sample(list(CHECKS), len(CHECKS))
    known = dict(CHECKS)
    try:
        CHECKS.clear()
        CHECKS.update({name: known[name] for name in names})
        assert fixed(data, WITH_OTHERS).data == done.data
    finally:
        CHECKS.clear()
        CHECKS.update(known)


@FEW
@given(dockerfiles())
def test_files_of_any_form_are_read_and_left_whole(data: bytes) -> None:
    text = data.replace(b"RUN x", b"RUN conda install -y a").replace(b"RUN y", b"RUN conda install -y b")
    done = fixed(text)
    assert done.gave_up is None
    assert not fixed(done.data).changed


def test_one_clean_is_left_with_the_other_rules() -> None:
    text = "FROM continuumio/miniconda3\n" + "".join(f"RUN conda install -y a{number}\n" for number in range(40))
    done = fixed(text.encode(), WITH_OTHERS)
    assert done.gave_up is None
    assert done.data.count(b"clean") == 1
    assert done.data.endswith(b"a39 && conda clean --all --yes\n")
    assert done.data.count(b"RUN") == 1
