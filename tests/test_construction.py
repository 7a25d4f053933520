"""What holds for a fixed text by its construction, whatever rules made it: over generated RUNs and the catalogue."""

import random
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings

from slimconda.checks import CHECKS
from slimconda.config import Config
from slimconda.dockerfile.parser import parse
from slimconda.dockerfile.scripts import script_of
from slimconda.findings import Finding
from slimconda.linter import lint
from slimconda.rewriter import rewrite
from slimconda.rulebook import load_rules
from slimconda.source import Source
from tests.shell_texts import instructions
from tests.test_catalogue import BASE, ENTRIES
from tests.test_verdicts import spelt

buildkit = pytest.importorskip("dockerfile", reason="no wheel of BuildKit's parser for this machine")
OTHERS = "ARG a\n{}\nENV b=1\n# note\nCOPY c /\nRUN echo d\n"
SCRIPT_DEFAULT = ("/bin/sh", "-c")


def source(text: str) -> Source:
    return Source("Dockerfile", (BASE + OTHERS.format(text)).encode())


def buildkit_reads(data: bytes) -> list[tuple[str, tuple[str, ...]]]:
    return [(one.cmd, tuple(one.value)) for one in buildkit.parse_string(data.decode())]


def assert_constructed(text: str) -> None:
    before = source(text)
    done = rewrite(before, Config())
    assert done.gave_up is None
    if done.refused:
        return
    again = rewrite(Source("Dockerfile", done.data), Config())
    assert not again.changed
    first, second = lint(before, Config()).open, done.report.open
    left = Counter(map(told, first)) - Counter(map(told, done.fixed))
    uncovered = [*second_thoughts(first, done.fixed), *advised(done.fixed)]
    assert Counter(map(told, second)) <= left + Counter(uncovered)
    if "<<" not in text:  # BuildKit's parser of that age knows no heredocs
        others = [
            one for one in buildkit_reads(before.data) if one[0].upper() not in {"RUN", "ONBUILD"} or "echo d" in one[1]
        ]
        assert [
            one for one in buildkit_reads(done.data) if one[0].upper() not in {"RUN", "ONBUILD"} or "echo d" in one[1]
        ] == others


def told(finding: Finding) -> str:
    """Return the rule: a clean that does more now may tell an install it misses by another name, not as one more."""
    return "conda-cache-left" if finding.rule == "conda-clean-skipped" else finding.rule


def second_thoughts(first: Any, fixed: Any) -> list[str]:
    """Return the rules that only a later round could see: what one fix uncovered, another mended."""
    return list((Counter(map(told, fixed)) - Counter(map(told, first))).elements())


def advised(fixed: Any) -> list[str]:
    """Return the advice that holds for an install only once the force of a later clean is its own clean's."""
    return ["conda-files-not-needed" for finding in fixed if finding.rule == "conda-clean-in-later-layer"]


@settings(max_examples=200, suppress_health_check=list(HealthCheck))
@given(instructions())
@example("RUN conda install -y a; f() { bash -c 'conda install -y a && conda clean -t -y'; conda install -y a; }; f")
def test_generated_texts(text: str) -> None:
    assert_constructed(text)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: f"{entry['number']}: {entry['text'][:50]}")
def test_the_catalogue(entry: dict[str, Any]) -> None:
    assert_constructed(spelt(entry["text"]))


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(instructions())
def test_the_order_of_rules_does_not_matter(text: str) -> None:
    expected = rewrite(source(text), Config()).data
    names = list(CHECKS)
    random.Random(text).shuffle(names)
    known = dict(CHECKS)
    try:
        CHECKS.clear()
        CHECKS.update({name: known[name] for name in names})
        assert rewrite(source(text), Config()).data == expected
    finally:
        CHECKS.clear()
        CHECKS.update(known)


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(instructions())
def test_the_rules_that_are_off_go_with_the_others(text: str) -> None:
    everything = Config(extend_select=frozenset(CHECKS))
    done = rewrite(source(text), everything, unsafe=True)
    assert done.gave_up is None
    assert not rewrite(Source("Dockerfile", done.data), everything, unsafe=True).changed
    assert not any(finding.fix for finding in done.report.open if not load_rules()[finding.rule].default)


@settings(max_examples=100, suppress_health_check=list(HealthCheck))
@given(instructions())
def test_shells_take_what_they_took(text: str) -> None:
    before = source(text)
    done = rewrite(before, Config())
    for shell in ("dash", "bash") if done.changed else ():
        if takes(shell, before):
            assert takes(shell, Source("Dockerfile", done.data))


def takes(shell: str, text: Source) -> bool:
    dockerfile = parse(text)
    runs = [script_of(one, SCRIPT_DEFAULT, text) for one in dockerfile.instructions]
    script = "\n".join(run.script.text.data.decode() for run in runs if run and run.form.value != "exec")
    return subprocess.run([shell, "-n"], input=script.encode(), capture_output=True, check=False).returncode == 0


# Four fixes of other tools that corrupted their files: each is held to keep what they lost.
CORRUPTED = {
    "the values of options are no packages": (
        "RUN micromamba install -y --channel-priority strict zlib numpy",
        "RUN micromamba install -y --channel-priority strict zlib numpy && micromamba clean --all --yes",
    ),
    "nothing between a mount and its command is lost": (
        "RUN --mount=type=cache,target=/r/.cache/pip conda install -y a \\\n  # note\n  b",
        "RUN --mount=type=cache,target=/r/.cache/pip conda install -y a \\\n  # note\n  b \\\n  && conda clean --all --yes",
    ),
    "RUNs of different operators stay apart": (
        "RUN conda install -y a\nRUN conda install -y b || pip install --no-cache-dir b",
        "RUN conda install -y a && conda clean --all --yes\nRUN conda install -y b || pip install --no-cache-dir b",
    ),
    "a list does not become fail-fast": (
        "RUN x; conda install -y a; echo ok\nRUN y && z",
        "RUN x; conda install -y a && conda clean --all --yes; echo ok\nRUN y && z",
    ),
    "nothing is added unasked": (
        "RUN pip install --no-cache-dir x\nLABEL a=b",
        "RUN pip install --no-cache-dir x\nLABEL a=b",
    ),
}


@pytest.mark.parametrize("name", CORRUPTED)
@pytest.mark.parametrize("end", ["", "\n"])
def test_corruptions_of_other_tools_are_not_ours(name: str, end: str) -> None:
    text, fixed = (f"FROM a\n{part}{end}".encode() for part in CORRUPTED[name])
    assert rewrite(Source("Dockerfile", text), Config()).data == fixed


def test_the_whole_fixtures_keep_their_other_instructions() -> None:
    for path in sorted((Path(__file__).parent.parent / "fixtures" / "dockerfiles").glob("*/Dockerfile")):
        data = path.read_bytes()
        done = rewrite(Source("Dockerfile", data), Config())
        if b"<<" not in data and done.changed:
            kept = [one for one in buildkit_reads(data) if one[0].upper() not in {"RUN", "ONBUILD"}]
            assert [one for one in buildkit_reads(done.data) if one[0].upper() not in {"RUN", "ONBUILD"}] == kept
