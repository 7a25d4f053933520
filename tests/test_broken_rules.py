"""The rules about broken commands stand beside the others: one finding at each clean, no clean beside soft links."""

import pytest

from slimconda.config import Config
from slimconda.dockerfile.analysis import Analysis
from slimconda.dockerfile.parser import parse
from slimconda.dockerfile.versions import hides_version, named_versions, names_mamba_1
from slimconda.findings import Severity
from slimconda.linter import lint
from slimconda.rewriter import rewrite
from slimconda.source import Source, Span


def source(text: str) -> Source:
    return Source("Dockerfile", (text if text.startswith("FROM") else f"FROM continuumio/miniconda3\n{text}").encode())


def rules_at(text: str, words: str) -> set[str]:
    """Return the rules that report a place which starts within the given words of a text."""
    given = source(text)
    start = given.data.index(words.encode())
    places = [(finding.rule, finding.place) for finding in lint(given, Config()).findings]
    return {
        rule for rule, place in places if isinstance(place, Span) and start <= place.start < start + len(words.encode())
    }


@pytest.mark.parametrize(
    ("clean", "rule"),
    [
        ("conda clean -y", "conda-clean-without-target"),
        ("conda clean", "conda-clean-without-target"),
        ("micromamba clean --yes", "conda-clean-without-target"),
        ("conda clean --unused-only -ty", "conda-unknown-flag"),
        ("conda clean -tsy", "conda-unknown-flag"),
        ("conda clean --unused-only", "conda-unknown-flag"),
        ("conda -y clean --all", "conda-option-before-command"),
        ("micromamba clean -a -f", "mamba-clean-asks-forever"),
        ("conda clean --all", "conda-without-yes"),
        ("conda clean -ty", "conda-clean-incomplete"),
    ],
)
def test_one_rule_reports_a_clean(clean: str, rule: str) -> None:
    tool = clean.split(maxsplit=1)[0]
    assert rules_at(f"RUN {tool} install -y numpy && {clean}\n", clean) == {rule}


@pytest.mark.parametrize(
    ("clean", "fixed"),
    [
        ("conda clean -tsy", "conda clean -ay"),
        ("conda clean --unused-only", "conda clean --all --yes"),
        ("conda clean -s -i", "conda clean -a --yes"),
        ("conda -q clean -y", "conda clean -q -y --all"),
        ("micromamba clean --source-cache -f", "micromamba clean -f --yes"),
    ],
)
def test_fixes_of_several_rules_end_in_a_whole_clean(clean: str, fixed: str) -> None:
    tool = clean.split(maxsplit=1)[0]
    done = rewrite(source(f"RUN {tool} install -y numpy && {clean}\n"), Config())
    assert done.gave_up is None
    assert done.data == source(f"RUN {tool} install -y numpy && {fixed}\n").data
    assert not done.report.reaches(Severity.WARNING)


@pytest.mark.parametrize(
    "text",
    [
        "ENV CONDA_ALWAYS_SOFTLINK=1\nRUN conda install -y numpy\n",
        "ENV CONDA_ALLOW_SOFTLINKS true\nRUN conda install -y numpy\n",
        "RUN conda config --set always_softlink yes && conda install -y numpy && conda clean -ty\n",
        "RUN echo 'allow_softlinks: true' > ~/.condarc && conda install -y numpy && conda clean -y\n",
        "RUN conda install -y numpy && conda install --always-softlink -y scipy\nRUN conda clean -y --unused-only\n",
    ],
)
def test_no_clean_is_added_beside_soft_links(text: str) -> None:
    assert rewrite(source(text), Config()).data == source(text).data


@pytest.mark.parametrize("value", ["false", "0", "no"])
def test_soft_links_that_are_off_refuse_nothing(value: str) -> None:
    text = f"RUN conda config --set allow_softlinks {value}\nRUN conda install -y numpy\n"
    assert b"conda clean --all" in rewrite(source(text), Config()).data


@pytest.mark.parametrize(
    ("text", "versions"),
    [
        ("Miniconda3-4.5.11-Linux-x86_64.sh", [(4, 5)]),
        ("Miniconda3-py39_4.9.2-Linux-x86_64.sh", [(4, 9)]),
        ("FROM continuumio/miniconda3:23.5.2-0", [(23, 5)]),
        ("FROM continuumio/anaconda3:2020.07", [(4, 6)]),
        ("Anaconda3-2022.05-Linux-x86_64.sh", [(4, 12)]),
        ("Anaconda3-2024.10-1-Linux-x86_64.sh", [(22, 9)]),
        ("Anaconda3-5.3.0-Linux-x86_64.sh", [(4, 3)]),
        ("Miniforge3-22.9.0-1-Linux-x86_64.sh", [(22, 9)]),
        ("condaforge/mambaforge:4.14.0-0", [(4, 14)]),
        ("ARG MINICONDA_VERSION=py38_4.9.2", [(4, 9)]),
        ("ENV ANACONDA_VERSION 2019.10", [(4, 6)]),
        ("conda install conda=4.7", [(4, 7)]),
        ("Miniconda2-latest-Linux-x86_64.sh", [(4, 8)]),
        ("FROM continuumio/miniconda\n", [(4, 8)]),
        ("Miniconda3-latest-Linux-x86.sh", [(4, 9)]),
        ("Miniconda3-latest-Linux-armv7l.sh", [(3, 16)]),
        ("Miniconda3-latest-Linux-x86_64.sh", []),
        ("FROM continuumio/miniconda3\n", []),
        ("conda install numpy=1.2 anaconda-client=1.7 conda-build=3.1", []),
    ],
)
def test_versions_are_read_from_names(text: str, versions: list[tuple[int, int]]) -> None:
    assert list(named_versions(text.encode())) == versions


def test_pinned_images_hide_their_conda() -> None:
    assert hides_version(["jupyter/minimal-notebook:7254cdcfa22b"])
    assert hides_version(["me/conda@sha256:0123"])
    assert hides_version(["ubuntu", "me/notebook:${TAG}"])
    assert not hides_version(["continuumio/miniconda3:4.9.2", "ubuntu", "jupyter/minimal-notebook:latest"])
    assert names_mamba_1(b"conda install mamba=1.5")
    assert not names_mamba_1(b"conda install mamba")


def test_a_builder_counts_where_it_breaks_the_build() -> None:
    text = "FROM continuumio/miniconda3 AS b\nRUN conda install -y a\nFROM debian\n"
    analysis = Analysis(parse(source(text)), Config())
    assert len(analysis.all_layers) == 1
    assert analysis.layers == ()
