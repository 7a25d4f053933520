"""Proofs of real builds: what was announced is gone, to the byte, and nothing else; with conda 4.3.16, pip and uv.

These are the real tools, as PyPI has them. A current conda, mamba, micromamba, pixi and the installers of Miniconda and
Miniforge can be had neither there nor from Debian; what they leave is in fixtures, as recorded. The installer
here is a script of the form of constructor's that runs this conda. RUNs with heredocs need a newer BuildKit than Debian's.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from tests.material import python_tools, store
from tests.material.images import CondaBase, docker
from tests.test_cli import RUN, one_line, slimconda

if TYPE_CHECKING:
    from pathlib import Path


CONDA, CLEANED, INSTALLER = "conda-cache-left", "conda-clean-in-later-layer", "conda-installer-left"
PIP, UV = "pip-cache-left", "uv-cache-left"
ARCHIVES = 3_025_396  # alpha's and beta's, and the index


@dataclass(frozen=True)
class Case:
    """A Dockerfile without its first FROM, the bytes that each rule announces, more options of prove, the builder.

    `unannounced` are bytes by rule that go beside them, `also` all that goes so: both because a RUN goes.
    """

    text: str
    announced: dict[str, int]
    options: tuple[str, ...] = ()
    builder: str = "1"
    unannounced: dict[str, int] = field(default_factory=dict)
    also: int = 0


FROM_PYPI = "ARG PIP_INDEX_URL\nARG PIP_TRUSTED_HOST=127.0.0.1\n"
INSTALL = (
    "ARG HOST\nRUN wget -q $HOST/Miniforge3-Linux-x86_64.sh -O /tmp/miniforge.sh && \\\n"
    "    bash /tmp/miniforge.sh -b -u -p /opt/conda\n"
)
STAGES = (
    "AS builder\nRUN conda create -y -p /env alpha\nFROM BASE AS dev\nCOPY --from=builder /env /env\n"
    "RUN conda install -y beta\nFROM dev AS broken\nRUN false\n"
)
CASES = {
    "conda": Case("RUN conda install -y beta\n", {CONDA: ARCHIVES}),
    "classic builder": Case("RUN conda install -y beta\n", {CONDA: ARCHIVES}, builder="0"),
    "conda and pip": Case(
        f"{FROM_PYPI}RUN conda install -y alpha && pip install gamma\n", {CONDA: 2_019_482, PIP: 402_059}
    ),
    "environments": Case(
        "RUN conda create -y -n one alpha && \\\n    conda create -y -n two beta\n", {CONDA: 8_478_771}
    ),
    # With conda 4.3 the RUN that only cleans stores a list of URLs (101 bytes) and the history (249) once more.
    "later clean": Case(
        "RUN conda install -y beta\nENV A=1\nRUN conda clean --all -y\n",
        {CLEANED: ARCHIVES},
        unannounced={CONDA: 101},
        also=350,
    ),
    "installer": Case(INSTALL, {CONDA: 2_019_482, INSTALLER: 1_500_224}),
    "pip": Case(f"{FROM_PYPI}RUN pip install gamma\n", {PIP: 402_059}),
    "uv": Case("ARG UV_DEFAULT_INDEX\nRUN uv pip install --system gamma\n", {UV: 3_531}),
    "stages, --target": Case(STAGES, {CONDA: ARCHIVES}, ("--target", "dev")),
    "build arguments": Case(
        "ARG NAMES=none\nRUN --mount=type=secret,id=token \\\n"
        "    test -s /run/secrets/token && conda install -y $NAMES\n",
        {CONDA: ARCHIVES},
        ("--build-arg", "NAMES=alpha beta", "--secret", "id=token,src=Dockerfile"),
    ),
    "another user": Case(
        "RUN useradd --create-home app\nUSER app\nRUN conda create -y -p /home/app/env alpha\n", {CONDA: 7_472_857}
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_announced_bytes_are_gone(name: str, tools: CondaBase, address: str, tmp_path: Path) -> None:
    case = CASES[name]
    text = case.text if case.text.startswith("AS") else f"\n{case.text}"
    (tmp_path / "Dockerfile").write_text(f"FROM {tools.tag} {text.replace('BASE', tools.tag)}")
    proof = proved(tmp_path, address, case)
    saved = proof["size"]["before"] - proof["size"]["after"]
    announced, gone = (of_rules(proof, key) for key in ("announced", "gone"))
    print(f"{name}: announced {sum(announced.values()):,}, gone {saved:,}", announced, gone)
    assert announced == case.announced
    assert gone == announced | case.unannounced
    assert saved == sum(announced.values()) + case.also


def of_rules(proof: dict[str, Any], key: str) -> dict[str, int]:
    return {rule: saved[key] for rule, saved in proof["rules"].items() if saved[key]}


def proved(folder: Path, address: str, case: Case) -> dict[str, Any]:
    arguments = {"PIP_INDEX_URL": f"{address}/simple", "UV_DEFAULT_INDEX": f"{address}/simple", "HOST": address}
    given = [f"--build-arg={name}={value}" for name, value in arguments.items() if name in case.text]
    words = ["prove", "--docker", docker(), "--network", "host", "--format", "json", *given, *case.options]
    run = slimconda(*words, cwd=folder, DOCKER_BUILDKIT=case.builder)
    proof: dict[str, Any] = json.loads(run.stdout or "{}")
    assert run.returncode == 0, (proof.get("others"), run.stderr.decode()[-2000:])
    return proof


def run_prove(folder: Path, text: str, *options: str, builder: str = "1") -> subprocess.CompletedProcess[bytes]:
    (folder / "Dockerfile").write_text(text)
    words = ["prove", "--docker", docker(), "--network", "none", "--quiet", *options]
    return slimconda(*words, cwd=folder, DOCKER_BUILDKIT=builder)


def left(label: str) -> list[str]:
    """Return the images and containers that proofs left, of Dockerfiles with a label."""
    of_label = ["--quiet", "--filter", f"label=proof={label}"]
    images = store.run([docker(), "image", "ls", *of_label, "--filter", "reference=slimconda-prove"])
    return [*images.split(), *store.run([docker(), "container", "ls", "--all", *of_label]).split()]


def test_a_fix_that_breaks_the_build_is_told(tools: CondaBase, tmp_path: Path) -> None:
    start = f"FROM {tools.tag}\nLABEL proof={tmp_path.name}\n"
    text = f"{start}RUN conda install -y alpha\nRUN find /opt -name alpha-1.0-py311_0.tar.bz2 | grep .\n"
    run = run_prove(tmp_path, text)
    assert (run.returncode, run.stdout) == (2, b"")
    expected = "slimconda: Dockerfile: the build after the fix failed (docker build exited with 1)"
    assert one_line(run.stderr) == expected
    assert left(tmp_path.name) == []


def test_an_unsafe_fix_is_proved_on_demand(tools: CondaBase, tmp_path: Path) -> None:
    """The shell reads >1 as a redirection: quoted, it is a requirement, and the file is no more."""
    text = f"FROM {tools.tag}\nRUN conda install -y alpha>0.5 && conda clean --all -y\n"
    run = run_prove(tmp_path, text)
    assert (run.returncode, run.stderr) == (0, b"Dockerfile: there is nothing to fix, so nothing to prove\n")
    run = run_prove(tmp_path, text, "--unsafe")
    assert run.returncode == 1, run.stderr
    assert run.stdout.decode().endswith("1 other differences:\n  gone: /0.5\n")


def test_a_fix_may_save_nothing(tools: CondaBase, tmp_path: Path) -> None:
    """Where nothing is downloaded pip keeps nothing, with the option or without."""
    python_tools.make_wheel(tmp_path / "wheels")
    settings = "ARG PIP_NO_INDEX=1\nARG PIP_FIND_LINKS=/w\n"
    run = run_prove(tmp_path, f"FROM {tools.tag}\n{settings}COPY wheels /w\nRUN pip install gamma\n")
    assert run.returncode == 0, run.stderr
    assert re.search(r"^image: ([\d,]+) -> \1 bytes, 0 saved, 0 announced$", run.stdout.decode(), re.MULTILINE)


def test_volumes_are_removed(tools: CondaBase, tmp_path: Path) -> None:
    volumes = [docker(), "volume", "ls", "--quiet"]
    before = store.run(volumes)
    run = run_prove(tmp_path, f"FROM {tools.tag}\nVOLUME /opt/conda/conda-meta\nRUN conda install -y alpha\n")
    assert run.returncode == 0, (run.stdout, run.stderr)
    assert store.run(volumes) == before


@pytest.mark.parametrize("builder", ["0", "1"])
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_what_is_interrupted_leaves_nothing(
    sent: signal.Signals, builder: str, tools: CondaBase, tmp_path: Path
) -> None:
    """The second build waits, so that the first one's image is there."""
    wait = "test -e /opt/conda/pkgs/cache || { echo now-it-waits; sleep 120; }"
    start = f"FROM {tools.tag}\nLABEL proof={tmp_path.name}\n"
    (tmp_path / "Dockerfile").write_text(f"{start}RUN conda install -y alpha\nRUN {wait}\n")
    words = [*RUN, "prove", "--docker", docker(), "--network", "none"]
    environment = os.environ | {"DOCKER_BUILDKIT": builder, "BUILDKIT_PROGRESS": "plain"}
    # A shell's background jobs ignore ^C, and so would all that these tests start.
    words = ["env", "--default-signal=INT", *words]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(words, cwd=tmp_path, stdout=log, stderr=log, env=environment)
        wait_for("now-it-waits\n", tmp_path / "log", process)
        assert left(tmp_path.name)
        process.send_signal(sent)
        assert process.wait(60) == (143 if sent == signal.SIGTERM else 130)
    assert left(tmp_path.name) == []
    # The classic builder's cache of the build that was not finished: untagged, and the next one's start.
    store.run([docker(), "image", "prune", "--force", "--filter", f"label=proof={tmp_path.name}"])


def wait_for(text: str, path: Path, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        if text in path.read_text() or process.poll() is not None:
            break
        time.sleep(0.2)
    assert process.poll() is None, path.read_text()
