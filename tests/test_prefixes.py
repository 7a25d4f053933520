"""Which prefixes each layer stores, and which RUNs are read for their sake."""

import pytest

from slimconda.config import Config
from slimconda.dockerfile.analysis import Analysis
from slimconda.dockerfile.parser import parse
from slimconda.dockerfile.prefixes import Step
from slimconda.source import Source

CONDA = "FROM continuumio/miniconda3\n"
INSTALLER = "RUN bash Miniforge3.sh -b -p /srv/forge\n"


def steps(text: str, **config: bool) -> tuple[Step, ...]:
    return Analysis(parse(Source("Dockerfile", text.encode())), Config(**config)).steps  # type: ignore[arg-type]


def lines(text: str, **config: bool) -> list[int]:
    return [step.layer.instruction.start_line for step in steps(text, **config)]


def test_without_conda_nothing_is_read() -> None:
    assert steps("FROM debian\nRUN useradd u && chown -R u /opt\n") == ()


def test_only_what_may_touch_a_prefix_is_read() -> None:
    assert lines(f"{CONDA}RUN apt-get update\nRUN chown -R u /opt\nRUN chmod +x /opt\nRUN rm -rf /x\n") == [3]
    assert lines(f"FROM debian\nRUN chown -R u /opt\n{INSTALLER}RUN chown -R u /srv\n") == [3, 4]


def test_a_run_is_a_step_of_one_stage_alone() -> None:
    stages = f"{CONDA}RUN conda list\n".replace("3\n", "3 AS a\n") + "FROM a\nRUN conda info\nFROM a\nRUN conda info\n"
    assert lines(stages, all_stages=True) == [2, 4, 6]
    assert lines(stages) == [2, 6]


@pytest.mark.parametrize(
    ("text", "path", "found"),
    [
        (CONDA, "/opt", ("/opt/conda", "FROM", 1)),
        (CONDA, "/opt/conda", ("/opt/conda", "FROM", 1)),
        (CONDA, "/opt/cond", None),
        (f"FROM debian\n{INSTALLER}", "/srv/forge", ("/srv/forge", "RUN", 2)),
        (f"{CONDA}RUN conda create -n e python\n", "/opt/conda/envs", ("/opt/conda/envs/e", "RUN", 2)),
        (f"{CONDA}RUN conda create -p /e python\n", "/e", ("/e", "RUN", 2)),
        (f"FROM debian\n{INSTALLER}ENV PATH=/srv/forge/bin:$PATH\nRUN conda create -n e python\n", "/srv/forge/envs", ("/srv/forge/envs/e", "RUN", 4)),
        ("FROM x\nRUN conda install a\n", "/opt/miniconda3", ("<root>", "RUN", 2)),
        ("FROM x\nRUN conda install a\n", "$CONDA_DIR", ("<root>", "RUN", 2)),
        ("FROM x\nRUN conda install a\n", "/home/conda", None),
        ("FROM x\nRUN micromamba create -r /m -n e a\n", "/m", ("/m/envs/e", "RUN", 2)),
        ("FROM x\nENV MAMBA_ROOT_PREFIX=/m\nRUN micromamba install -n base a\n", "/m", ("/m", "RUN", 3)),
        ("FROM x\nRUN CONDA_ENVS_DIRS=/envs conda create -n e a\n", "/envs", ("/envs/e", "RUN", 2)),
        ("FROM x\nWORKDIR /w\nCOPY --from=y /opt/conda ./c\n", "/w", ("/w/c", "COPY", 3)),
        ("FROM x\nCOPY /opt/conda /c # conda\n", "/c", None),
    ],
)  # fmt: skip
def test_prefixes_of_lower_layers(text: str, path: str, found: tuple[str, str, int] | None) -> None:
    last = steps(f"{text}RUN chown -R u /\nRUN conda list\n")[-1]
    prefix = last.below(path)
    assert (prefix and (prefix.path, prefix.keyword, prefix.line)) == found


@pytest.mark.parametrize(
    ("text", "finds"),
    [
        (f"{CONDA}RUN conda remove a\n", True),
        (f"{CONDA}{INSTALLER.strip()} && conda remove a\n", False),
        ("FROM x\nRUN apt-get update && conda remove a\n", True),
        ("FROM x\nRUN conda config --set a b && conda remove a\n", True),
        ("FROM x\nRUN ./install.sh && conda remove a\n", False),
        ("FROM x\nRUN conda install a\nRUN ./install.sh && conda remove a\n", True),
    ],
)
def test_conda_of_a_lower_layer(text: str, finds: bool) -> None:
    step = steps(text)[-1]
    assert step.finds(step.layer.calls[-1].command) == finds
