"""Owns the Dockerfiles that are measured: made up, but as people write them; the same number gives the same file."""

import re
from collections.abc import Callable, Iterator
from random import Random

LINES = 40

BASES = (
    "continuumio/miniconda3:24.7.1-0",
    "condaforge/miniforge3:24.9.2-0",
    "condaforge/mambaforge:23.11.0-0",
    "continuumio/anaconda3:2024.06-1",
)
BARE_BASES = ("ubuntu:24.04", "debian:bookworm-slim", "nvidia/cuda:12.4.1-runtime-ubuntu22.04", "ubuntu:22.04")
INSTALLERS = (
    "https://repo.anaconda.com/miniconda/Miniconda3-py312_24.7.1-0-Linux-x86_64.sh",
    "https://repo.anaconda.com/miniconda/Miniconda3-latest-Linux-x86_64.sh",
    "https://github.com/conda-forge/miniforge/releases/latest/download/Miniforge3-Linux-x86_64.sh",
)
CONDA_PACKAGES = (
    "numpy scipy pandas=2.2 scikit-learn matplotlib seaborn xarray dask netcdf4 h5py pysam samtools=1.20 bedtools"
    " bwa gdal rasterio geopandas jupyterlab ipykernel pytorch=2.4 cudatoolkit r-base=4.3 r-tidyverse"
    " snakemake-minimal nodejs=20 cmake pyarrow polars numba sympy lightgbm xgboost opencv pillow"
)
APT_PACKAGES = "ca-certificates curl git wget build-essential libgl1 libglib2.0-0 bzip2 procps vim-tiny unzip tini"
PIP_PACKAGES = "fastapi==0.115.0 uvicorn requests tqdm rich gunicorn boto3==1.35.0 mlflow click pydantic"
CHANNELS = ("", " -c conda-forge", " -c conda-forge -c bioconda", " --channel conda-forge --override-channels")
CLEANS = ("clean -afy", "clean --all --yes", "clean -tipy", "clean --tarballs --yes")
PIPEFAIL = 'SHELL ["/bin/bash", "-o", "pipefail", "-c"]'
REST = (
    "# Settings that every service of ours shares.",
    "ENV PYTHONUNBUFFERED=1 LANG=C.UTF-8",
    "ENV OMP_NUM_THREADS=4",
    'LABEL org.opencontainers.image.title="analysis"',
    'LABEL org.opencontainers.image.licenses="MIT"',
    "COPY pyproject.toml README.md /app/",
    "COPY src/ /app/src/",
    "COPY scripts/entrypoint.sh /usr/local/bin/entrypoint.sh",
    "EXPOSE 8080",
    "VOLUME /data",
    "STOPSIGNAL SIGTERM",
    "ARG BUILD_DATE",
    "ARG GIT_REVISION=unknown",
    "",
    "# The user that the service runs as.",
    "USER 1000",
    "WORKDIR /app/src",
    "ENV GIT_REVISION=$GIT_REVISION",
    "COPY models/ /app/models/",
    "COPY --chown=1000:1000 config/settings.toml /app/config/",
    "ENV MPLBACKEND=Agg NUMBA_CACHE_DIR=/tmp/numba",
    'LABEL maintainer="data@example.org"',
    "COPY tests/ /app/tests/",
    "RUN mkdir -p /data /app/log && chown -R 1000:1000 /data /app/log",
    "RUN python -m compileall -q /app/src",
    "RUN useradd --create-home --uid 1000 service",
    "RUN echo \"c.ServerApp.ip = '0.0.0.0'\" >> /etc/jupyter.py",
)
END = (
    "HEALTHCHECK --interval=30s CMD curl -f http://localhost:8080/health || exit 1",
    'CMD ["python", "-m", "service"]',
)


def dockerfile(number: int) -> str:
    """Return the Dockerfile of that number, 40 lines long."""
    random = Random(number)
    lines = _own_lines(random)
    kept = sorted(random.sample(range(len(REST)), LINES - len(lines) - len(END)))
    return "".join(f"{line}\n" for line in (*lines, *(REST[at] for at in kept), *END))


def without_conda(number: int) -> str:
    """Return the same Dockerfile with another word in place of each of conda's."""
    return re.sub("conda|mamba|miniforge", "tool", dockerfile(number), flags=re.IGNORECASE)


def _own_lines(random: Random) -> list[str]:
    """Return the lines that install; drawn again until the rest fills them up to a whole file."""
    while True:
        lines = list(_stages(random))
        if 0 <= LINES - len(lines) - len(END) <= len(REST):
            return lines


def _stages(random: Random) -> Iterator[str]:
    """Yield one stage, or one that builds and one that takes the environment from it."""
    several = random.random() < 0.3
    bare = random.random() < 0.5
    base = random.choice(BARE_BASES if bare else BASES)
    yield "# syntax=docker/dockerfile:1"
    yield f"FROM {base}" + (" AS build" if several else "")
    yield PIPEFAIL if random.random() < 0.4 else "ARG DEBIAN_FRONTEND=noninteractive"
    yield from _run(random, _apt(random))
    if bare:
        yield from _run(random, _installer(random))
        yield "ENV PATH=/opt/conda/bin:$PATH"
    yield "WORKDIR /app"
    yield from _environment(random)
    if several:
        yield ""
        yield f"FROM {random.choice(BARE_BASES)}"
        yield "COPY --from=build /opt/conda /opt/conda"
        yield "ENV PATH=/opt/conda/bin:$PATH"
    yield from _run(random, _pip(random))


def _environment(random: Random) -> Iterator[str]:
    if random.random() < 0.3:
        yield "COPY environment.yml /tmp/environment.yml"
        yield from _run(random, _from_file(random))
        return
    for _ in range(random.randint(1, 2)):
        yield from _run(random, _packages(random))
    if random.random() < 0.3:
        yield f"RUN conda {random.choice(CLEANS)}"


def _run(random: Random, commands: list[str]) -> Iterator[str]:
    """Yield a RUN in one of the styles that people write."""
    styles: tuple[Callable[[list[str]], list[str]], ...] = (_and_last, _and_last, _and_first, _set_e, _heredoc)
    yield from random.choice(styles)(commands)


def _and_last(commands: list[str]) -> list[str]:
    return _indented("RUN " + " && \n".join(commands), 4)


def _and_first(commands: list[str]) -> list[str]:
    return _indented("RUN " + "\n&& ".join(commands), 4)


def _set_e(commands: list[str]) -> list[str]:
    return _indented("RUN set -eux; \n" + "; \n".join(commands), 8)


def _heredoc(commands: list[str]) -> list[str]:
    """Return the commands in a heredoc; hadolint 2.15.1 refuses the file where no blank line follows one."""
    return ["RUN <<EOF", "set -e", *(" ".join(command.split()) for command in commands), "EOF", ""]


def _indented(text: str, width: int) -> list[str]:
    first, *others = (line.rstrip() for line in text.split("\n"))
    lines = [first, *(" " * width + line for line in others)]
    return [*(f"{line} \\" for line in lines[:-1]), lines[-1]]


def _sample(random: Random, names: str, fewest: int, most: int) -> str:
    """Return some names, on one line or on a line each."""
    chosen = sorted(random.sample(names.split(), random.randint(fewest, most)))
    return "\n    ".join(["", *chosen]) if random.random() < 0.6 else " " + " ".join(chosen)


def _apt(random: Random) -> list[str]:
    options = random.choice(("-y --no-install-recommends", "-yq", "--yes"))
    commands = ["apt-get update", f"apt-get install {options}{_sample(random, APT_PACKAGES, 2, 5)}"]
    return [*commands, "rm -rf /var/lib/apt/lists/*"] if random.random() < 0.7 else commands


def _installer(random: Random) -> list[str]:
    url, path = random.choice(INSTALLERS), random.choice(("/tmp/miniconda.sh", "/tmp/Miniforge3.sh"))
    fetch = random.choice((f"wget -q {url} -O {path}", f"curl -fsSL {url} -o {path}", f"wget --quiet {url} -O {path}"))
    commands = [fetch, f"bash {path} -b -p /opt/conda"]
    if random.random() < 0.6:
        commands.append(f"rm {random.choice(('', '-f '))}{path}")
    return [*commands, f"/opt/conda/bin/conda {random.choice(CLEANS)}"] if random.random() < 0.5 else commands


def _from_file(random: Random) -> list[str]:
    tool = random.choice(("conda", "mamba"))
    verb = random.choice(("env update -n base", "env create -n work", "env create --quiet"))
    commands = [f"{tool} {verb} -f /tmp/environment.yml"]
    return [*commands, f"{tool} {random.choice(CLEANS)}"] if random.random() < 0.5 else commands


def _packages(random: Random) -> list[str]:
    tool = random.choice(("conda", "conda", "mamba"))
    options = random.choice(("-y", "-yq", "--yes", "-y -n base", "--quiet --yes")) + random.choice(CHANNELS)
    commands = [f"{tool} install {options}{_sample(random, CONDA_PACKAGES, 3, 9)}"]
    if random.random() < 0.3:
        commands.insert(0, "conda config --set channel_priority strict")
    return [*commands, f"{tool} {random.choice(CLEANS)}"] if random.random() < 0.5 else commands


def _pip(random: Random) -> list[str]:
    cache = random.choice(("", " --no-cache-dir"))
    commands = [f"pip install{cache}{_sample(random, PIP_PACKAGES, 2, 5)}"]
    if random.random() < 0.5:
        commands.append('python -c "import requests; print(requests.__version__)"')
    return [*commands, "find /opt/conda -name '*.pyc' -delete"] if random.random() < 0.4 else commands
