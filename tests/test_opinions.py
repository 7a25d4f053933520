"""What the rules that are off by default make of a Dockerfile, by real builds: sizes, and that the image still works."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from slimconda.config import MICROMAMBA_IMAGE, RUNTIME_IMAGE, Config
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


# What mamba-org/micromamba-docker's debian.Dockerfile sets, around the tests' micromamba, which is py-rattler: another
# user, folder, shell and entrypoint. The latter two do not exist here, so that nothing can be left to them.
LIKE_MICROMAMBA = """\
FROM {plain}
COPY --from={tools} /opt/tool /opt/tool
COPY --from={tools} /channel /channel
COPY --from={tools} /etc/conda /etc/conda
COPY --from={tools} /opt/conda/bin/micromamba /bin/micromamba
RUN mkdir -p /channels /opt/conda/conda-meta && ln -s /channel /channels/defaults && ln -s /channel /channels/conda-forge \\
    && chmod -R a+rwx /opt/conda && useradd mambauser
ENV MAMBA_USER=mambauser LANG=C.UTF-8 LC_ALL=C.UTF-8 ENV_NAME=base MAMBA_ROOT_PREFIX=/opt/conda MAMBA_EXE=/bin/micromamba
USER mambauser
WORKDIR /tmp
ENTRYPOINT ["/no/entrypoint"]
CMD ["/bin/bash"]
SHELL ["/no/shell"]
"""


@pytest.mark.daemon
def test_another_base_makes_the_same_environment_under_the_same_settings(rattler_base: CondaBase, build: Build) -> None:
    program = "import os, sys, numpy, requests; print(sys.prefix, os.getcwd(), os.getuid())"
    text = (
        f"{CONDA}RUN conda create -n app -c conda-forge python numpy requests && conda clean -afy && touch here\n"
        f'ENV PATH=/opt/conda/envs/app/bin:$PATH\nCMD python -B -c "{program}"\n'
    )
    standin = "slimconda-test/like-micromamba:1"
    build(LIKE_MICROMAMBA.format(plain=BASE, tools=rattler_base.tag), standin)
    changed = rewritten(text, "conda-base-not-needed")
    assert "micromamba create --yes -n app -c conda-forge -c defaults python numpy requests" in changed
    found = {}
    for name, made in {"before": text.replace(CONDA, f"FROM {rattler_base.tag}\n"), "after": changed}.items():
        tag = f"slimconda-test/base:{name}-micromamba"
        build(made.replace(f"FROM {MICROMAMBA_IMAGE}\n", f"FROM {standin}\n"), tag)
        run = [docker(), "run", "--rm", "--network=none", tag]
        started = subprocess.run(run, capture_output=True, check=True).stdout
        assert started == b"/opt/conda/envs/app / 0\n"
        folders = ["/opt/conda/envs/app", "/opt/conda/pkgs", "/here"]
        listing = [*run, "find", *folders, "-type", "f", "-printf", "%p %s %U\\n"]
        lines = subprocess.run(listing, capture_output=True, check=False).stdout.splitlines()
        found[name] = sorted(line for line in lines if b"/conda-meta/" not in line)
    assert found["before"] == found["after"]
    assert len(found["after"]) > 1000


@pytest.mark.parametrize(
    ("text", "written"),
    [
        (b"name: app\ndependencies: [python=3.12]\n", "micromamba create --yes -c defaults -f /app/environment.yml"),
        (b"channels: [defaults]\ndependencies: [python]\n", "micromamba create --yes -f /app/environment.yml"),
        (b"channels: [conda-forge, nodefaults]\ndependencies:\n- python\n", "micromamba create --yes -f /app"),
        (b"channels: [conda-forge]\ndependencies: [python]\n", "conda env create -f /app"),
        (b"dependencies: [python, {pip: [flask]}]\n", "conda env create -f /app"),
        (b"dependencies: [conda-forge::python]\n", "conda env create -f /app"),
        (b"dependencies: [python=3.*]\nvariables: {A: b}\n", "conda env create -f /app"),
        (b"{dependencies: [python]}\n", "conda env create -f /app"),
        (b"dependencies: ['{{ python }}']\n", "conda env create -f /app"),
        (b"dependencies: [\n", "conda env create -f /app"),
    ],
)
def test_another_base_reads_the_environment_file_first(text: bytes, written: str) -> None:
    dockerfile = (
        f"{CONDA}COPY . /app\nRUN conda env create -f /app/environment.yml\n"
        'ENV PATH=/opt/conda/envs/app/bin:$PATH\nCMD ["python", "-m", "app"]\n'
    )
    source = Source("Dockerfile", dockerfile.encode(), lambda asked: text if asked == "environment.yml" else None)
    done = rewrite(source, Config(select=frozenset({"conda-base-not-needed"})), unsafe=True)
    assert done.gave_up is None
    assert f"RUN {written}" in done.data.decode()
    assert done.changed == written.startswith("micromamba")


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
