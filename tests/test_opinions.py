"""What the rules that are off by default make of a Dockerfile, by real builds: sizes, and that the image still works."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from slimconda.config import RUNTIME_IMAGE, Config
from slimconda.rewriter import rewrite
from slimconda.rulebook import load_rules
from slimconda.source import Source
from tests.material import store
from tests.material.images import BASE, docker

if TYPE_CHECKING:
    from tests.conftest import Build
    from tests.material.images import CondaBase

OPINIONS = frozenset(rule.name for rule in load_rules().values() if not rule.default)
CONDA = "FROM continuumio/miniconda3\n"


def rewritten(text: str, rule: str, image: str = RUNTIME_IMAGE) -> str:
    config = Config(select=frozenset({rule}), runtime_image=image)
    done = rewrite(Source("Dockerfile", text.encode()), config, unsafe=True)
    assert done.changed
    assert done.gave_up is None
    return done.data.decode()


def size(image: str) -> int:
    return int(json.loads(store.run([docker(), "image", "inspect", image]))[0]["Size"])


@pytest.mark.daemon
def test_a_mount_leaves_no_more_than_a_clean(conda_base: CondaBase, build: Build) -> None:
    install = "RUN conda create -y -n app python numpy requests"
    left, cleaned = f"{CONDA}{install}\n", f"{CONDA}{install} && conda clean --all --yes\n"
    texts = {"left": left, "cleaned": cleaned, "mounted": rewritten(cleaned, "conda-cache-not-mounted")}
    assert rewritten(left, "conda-cache-not-mounted") == texts["mounted"]
    texts["again"] = texts["mounted"] + "# the mount is full now\nRUN true\n"
    sizes = {}
    for name, text in texts.items():
        # conda 4.3 has soft links where current ones copy.
        local = f"FROM {conda_base.tag}\nENV CONDA_ALLOW_SOFTLINKS=false\n"
        tag = f"slimconda-test/mount-{conda_base.name}:{name}"
        build(text.replace(CONDA, local), tag, None, "--no-cache")
        sizes[name] = size(tag)
    print(f"{conda_base.name}: {sizes}")
    assert sizes["mounted"] == sizes["again"] <= sizes["cleaned"] < sizes["left"]
    image = f"slimconda-test/mount-{conda_base.name}:again"
    subprocess.run(conda_base.proof(image, "numpy", "requests", prefix="/opt/conda/envs/app"), check=True)


@pytest.mark.daemon
def test_a_mount_would_store_what_environments_share_twice(conda43_base: CondaBase, build: Build) -> None:
    install = "conda create -y -n a python numpy && conda create -y -n b python numpy requests"
    cleaned = f"{CONDA}RUN {install} && conda clean --all --yes\n"
    config = Config(select=frozenset({"conda-cache-not-mounted"}))
    assert not rewrite(Source("Dockerfile", cleaned.encode()), config, unsafe=True).changed
    mounted = f"{CONDA}RUN --mount=type=cache,id=two,target=/opt/conda/pkgs,sharing=locked {install}\n"
    sizes = {}
    for name, text in {"cleaned": cleaned, "mounted": mounted}.items():
        tag = f"slimconda-test/mount-two:{name}"
        build(
            text.replace(CONDA, f"FROM {conda43_base.tag}\nENV CONDA_ALLOW_SOFTLINKS=false\n"), tag, None, "--no-cache"
        )
        sizes[name] = size(tag)
    print(sizes)
    assert sizes["mounted"] > sizes["cleaned"] + 50_000_000


@pytest.mark.daemon
def test_a_builder_ships_the_environment_alone(conda_base: CondaBase, build: Build) -> None:
    text = (
        f"{CONDA}RUN conda create -y -n app python numpy requests && conda clean --all --yes\n"
        "ENV PATH=/opt/conda/envs/app/bin:$PATH\n"
        'CMD ["python", "-B", "-c", "import sys, numpy, requests; print(sys.prefix)"]\n'
    )
    sizes = {}
    for name, made in {"before": text, "after": rewritten(text, "conda-builder-missed", BASE)}.items():
        tag = f"slimconda-test/builder-{conda_base.name}:{name}"
        build(made.replace("FROM continuumio/miniconda3", f"FROM {conda_base.tag}"), tag)
        sizes[name] = size(tag)
        started = subprocess.run([docker(), "run", "--rm", "--network=none", tag], capture_output=True, check=True)
        assert started.stdout == b"/opt/conda/envs/app\n"
    print(f"{conda_base.name}: {sizes}")
    assert sizes["after"] < sizes["before"]


@pytest.mark.parametrize(
    ("name", "text", "fixable"),
    [
        ("environment.yml", b"name: app\ndependencies: [python, pip]\n", True),
        ("environment.yml", b"name: app\ndependencies:\n  - pip:\n    - -e .\n", False),
        ("environment.yml", b"name: app\ndependencies:\n  - pip:\n    - '--editable=.'\n", False),
        ("requirements.txt", b"flask\n-e ./app\n", False),
        ("requirements.txt", b"flask --no-deps\n# -e no\n", True),
    ],
)
def test_a_builder_knows_what_pip_installs_in_place(name: str, text: bytes, fixable: bool) -> None:
    dockerfile = (
        f"{CONDA}COPY . /app\nRUN conda env create -n app -f /app/environment.yml\n"
        "ENV PATH=/opt/conda/envs/app/bin:$PATH\nRUN pip install -r /app/requirements.txt\n"
        'CMD ["python", "-m", "app"]\n'
    )
    source = Source("Dockerfile", dockerfile.encode(), lambda asked: text if asked == name else None)
    done = rewrite(source, Config(select=frozenset({"conda-builder-missed"})), unsafe=True)
    assert done.changed == fixable
    assert done.gave_up is None
