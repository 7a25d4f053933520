"""How the work of lint grows with a file: counted in calls, which no busy machine changes."""

import sys
from types import FrameType

import pytest

from slimconda.config import Config
from slimconda.dockerfile.parser import parse
from slimconda.linter import lint_dockerfile
from slimconda.source import Source

RUNS = [
    "RUN conda create -y -n e{} python=3.11 a{}",
    "RUN conda create -y -n e{} python a{} && conda clean -ay",
    "RUN chown -R me /opt/conda/e{} && /c{}/bin/conda install -y a",
    "RUN conda install -y a{}\nRUN conda clean -ay",
    "RUN conda install -y a{}\nRUN conda remove -y a{}",
    "RUN pip install a{} && conda update -y b{}",
    "FROM base AS s{}\nRUN conda install -y a\nFROM base\nCOPY --from=s{} /opt/conda /opt/c{}",
]
LINKS = {
    "installs": "conda install -y a{}",
    "installs of pip": "pip install a{}",
    "compound commands": "if true; then conda install -y a{}; fi",
    "removals": "conda install -y gcc_linux-64 a{} && conda remove -y a{}",
}
FEW, FACTOR = 30, 4
MANY = 100  # installs in one RUN, more than whose paths are followed


def calls(text: str) -> int:
    """Count the calls of functions that it takes to judge a Dockerfile."""
    dockerfile, count = parse(Source("Dockerfile", text.encode())), 0

    def counted(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    sys.setprofile(counted)
    try:
        lint_dockerfile(dockerfile, Config())
    finally:
        sys.setprofile(None)
    return count


def file(run: str, count: int) -> str:
    lines = [run.replace("{}", str(number)) for number in range(count)]
    return "\n".join(["FROM continuumio/miniconda3", *lines, ""])


@pytest.mark.parametrize("run", RUNS)
def test_work_grows_as_the_file_does(run: str) -> None:
    calls(file(run, 2))
    few, many = calls(file(run, FEW)), calls(file(run, FEW * FACTOR))
    assert many < few * FACTOR * 1.4


@pytest.mark.parametrize("joint", [" && ", "; "])
@pytest.mark.parametrize("name", LINKS)
def test_work_grows_as_one_run_does(name: str, joint: str) -> None:
    few, many = (calls(file("RUN " + chain(LINKS[name], joint, count), 1)) for count in (MANY, MANY * FACTOR))
    assert many < few * FACTOR * 1.4


def chain(link: str, joint: str, count: int) -> str:
    return joint.join(link.replace("{}", str(number)) for number in range(count))
