"""Rewriting as a whole: what it may never change, whatever the Dockerfile."""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slimconda.checks import CHECKS, Check
from slimconda.config import Config
from slimconda.dockerfile.analysis import Analysis
from slimconda.dockerfile.parser import parse
from slimconda.environments.file import EnvironmentFile
from slimconda.findings import Fix, Problem
from slimconda.linter import lint
from slimconda.reporters.diff import render
from slimconda.rewriter import rewrite, rewrite_environment
from slimconda.source import Edit, Source, Span, apply_edits
from tests.dockerfiles import COMMENTS, dockerfiles

LINKS = st.sampled_from(
    ["conda install -y a", "mamba create -y -n e b", "micromamba install -y c", "conda clean -t", "conda clean -afy",
     "echo hi", "pip install x", "rm -rf /tmp/x", "sudo conda update -y --all", "wget u/Miniconda3-x.sh",
     "bash Miniconda3-x.sh -b -p /c", "rm Miniconda3-x.sh", "yes | conda install d", "conda env create -f e.yml > log"]
)  # fmt: skip
OPERATORS = st.sampled_from([" && ", " && ", " \\\n  && ", " && \\\n    ", " || ", "; "])


@st.composite
def conda_dockerfiles(draw: st.DrawFn) -> bytes:
    """Draw a Dockerfile whose RUNs install and clean in many ways."""
    lines = ["FROM a"]
    for _ in range(draw(st.integers(1, 4))):
        text = "RUN " + draw(st.sampled_from(["", "", "set -e; "])) + draw(LINKS)
        for _ in range(draw(st.integers(0, 4))):
            text += draw(OPERATORS) + draw(LINKS)
        lines += [*draw(st.lists(COMMENTS, max_size=1)), text, draw(st.sampled_from(["", "ENV A=1", "USER u"]))]
    data = "\n".join(lines).encode() + draw(st.sampled_from([b"", b"\n"]))
    return data.replace(b"\n", draw(st.sampled_from([b"\n", b"\r\n"])))


@settings(max_examples=1000)
@given(st.one_of(conda_dockerfiles(), conda_dockerfiles(), dockerfiles()))
def test_a_fixed_file_stays_fixed_and_docker_takes_it(data: bytes) -> None:
    source = Source("Dockerfile", data)
    done = rewrite(source, Config())
    assert done.gave_up is None
    again = rewrite(Source("Dockerfile", done.data), Config())
    assert again.data == done.data
    assert not parse(Source("Dockerfile", done.data)).problems or done.data == data
    assert not [finding for finding in done.report.open if finding.fix]
    assert data.endswith(b"\n") == done.data.endswith(b"\n")
    assert (b"\r\n" in data) == (b"\r\n" in done.data)


@settings(max_examples=300)
@given(conda_dockerfiles())
def test_nothing_outside_of_the_edits_changes(data: bytes) -> None:
    source = Source("Dockerfile", data)
    for finding in lint(source, Config()).findings:
        for edit in finding.fix.edits if finding.fix else ():
            assert data[: edit.span.start] == apply_edits(data, [edit])[: edit.span.start]
            assert apply_edits(data, [edit]).endswith(data[edit.span.end :])


def test_overlapping_edits_are_refused() -> None:
    with pytest.raises(ValueError, match="overlap"):
        apply_edits(b"abc", [Edit(Span(0, 2), b""), Edit(Span(1, 3), b"")])


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_removing_the_last_instruction_keeps_the_end_of_the_file(end: bytes) -> None:
    line = end if end == b"\r\n" else b"\n"
    text = line.join([b"FROM a", b"RUN conda install -y a", b"", b"RUN conda clean -afy"]) + end
    cleaned = b"RUN conda install -y a && conda clean --all --yes --force-pkgs-dirs"
    fixed = line.join([b"FROM a", cleaned, b""]).removesuffix(line)
    assert rewrite(Source("Dockerfile", text), Config()).data.rstrip() == fixed
    assert rewrite(Source("Dockerfile", text), Config()).data.endswith(b"\n") == bool(end)


def test_the_clean_is_spelt_as_configured() -> None:
    config = Config(clean_arguments="-afy")
    assert rewrite(Source("Dockerfile", b"FROM a\nRUN conda install b"), config).data.endswith(b" && conda clean -afy")


def test_comments_of_a_removed_instruction_stay() -> None:
    text = b"FROM a\nRUN conda install -y a\nRUN conda clean \\\n# why\n -a -y\nCMD x\n"
    fixed = b"FROM a\nRUN conda install -y a && conda clean --all --yes\n# why\nCMD x\n"
    assert rewrite(Source("Dockerfile", text), Config()).data == fixed


def test_a_diff_ends_lines_at_line_feeds_alone() -> None:
    diff = render("./d/Dockerfile", b"a\x0cb\rc\nlast", b"a\x0cb\rc\nnew")
    assert diff.startswith(b"--- a/d/Dockerfile\n+++ b/d/Dockerfile\n@@ -1,2 +1,2 @@\n a\x0cb\rc\n-last\n\\ No newline")


@pytest.mark.parametrize(
    ("rule", "text", "adds", "made"),
    [
        ("conda-builder-missed", b"USER a\n", ("USER",), True),
        ("conda-builder-missed", b"USER a\nENV b=c\n", ("USER", "ENV"), True),
        ("conda-builder-missed", b"USER a\nENV b=c\n", ("ENV", "USER"), False),
        ("conda-builder-missed", b"USER a\n", (), False),
        ("conda-builder-missed", b"USER a\n", ("USER", "ENV"), False),
        ("conda-builder-missed", b"RUN true\n", ("USER",), False),
        ("conda-builder-missed", b"RUN <<E\ntrue\nE\n", ("RUN",), False),
        ("conda-cache-left", b"USER a\n", ("USER",), False),
    ],
)
def test_only_an_unsafe_fix_adds_instructions_and_those_it_states(
    monkeypatch: pytest.MonkeyPatch, rule: str, text: bytes, adds: tuple[str, ...], made: bool
) -> None:
    data = b"FROM a\nRUN true\nUSER b\n"

    def check(analysis: Analysis) -> Iterator[Problem]:
        if analysis.dockerfile.source.data == data:
            yield Problem("m", Span(0, 4), Fix("t", (Edit(Span(7, 7), text),), adds=adds))

    monkeypatch.setitem(CHECKS, rule, Check(check))
    done = rewrite(Source("Dockerfile", data), Config(select=frozenset({rule})), unsafe=True)
    assert done.gave_up == (None if made else "Docker would read other instructions")
    assert done.data == (b"FROM a\n" + text + data[7:] if made else data)


def test_a_fix_that_breaks_an_environment_file_is_left_out_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    data = b"name: a\ndependencies:\n  - b\n  - c\n"

    def check(file: EnvironmentFile) -> Iterator[Problem]:
        for name, text in ((b"b", b"b=1"), (b"c", b"[")):
            if b"- %b\n" % name in file.data:
                at = file.data.index(b"- " + name) + 2
                yield Problem("m", Span(at, at + 1), Fix("t", (Edit(Span(at, at + 1), text),)))

    monkeypatch.setitem(CHECKS, "conda-unpinned", Check(environment=check))
    done = rewrite_environment(Source("environment.yml", data), Config(select=frozenset({"conda-unpinned"})))
    assert done.data == data.replace(b"- b", b"- b=1")
    assert done.gave_up == "the new text would be broken"
    assert [finding.rule for finding in done.report.open] == ["conda-unpinned"]
