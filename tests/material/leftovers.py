"""Owns twelve images that keep what their installs left, and the same images rebuilt without it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import images

if TYPE_CHECKING:
    from .podman import Podman

REMOVAL = " && rm -rf /opt/conda/pkgs /root/.cache /home/app/.conda/pkgs /tmp/miniforge.sh"
FROM_PYPI = "ARG HOST\nENV PIP_INDEX_URL=$HOST/simple PIP_TRUSTED_HOST=127.0.0.1 UV_DEFAULT_INDEX=$HOST/simple\n"


@dataclass(frozen=True)
class Leftover:
    """A Dockerfile whose RUNs end with REMOVAL or without it, and what builds it: docker, or podman with options."""

    text: str
    podman: tuple[str, ...] | None = None

    def dockerfile(self, base: str, *, clean: bool) -> str:
        """Return the Dockerfile on a base image, with each layer's leftovers or without."""
        return self.text.replace("BASE", base).replace(" CLEAN", REMOVAL if clean else "")


LEFTOVERS = {
    "conda and pip": Leftover(f"FROM BASE\n{FROM_PYPI}RUN conda install -y alpha && pip install gamma CLEAN\n"),
    "uv": Leftover(f"FROM BASE\n{FROM_PYPI}RUN uv pip install --system gamma CLEAN\n"),
    "installer": Leftover(
        "FROM BASE\nARG HOST\nRUN wget -q $HOST/Miniforge3-Linux-x86_64.sh -O /tmp/miniforge.sh && \\\n"
        "    bash /tmp/miniforge.sh -b -u -p /opt/conda CLEAN\n"
    ),
    "several environments": Leftover(
        "FROM BASE\nRUN conda create -y -n one alpha && conda create -y -n two beta CLEAN\n"
    ),
    "--copy": Leftover("FROM BASE\nRUN conda create --copy -y -n one beta CLEAN\n"),
    "links across layers": Leftover(
        "FROM BASE\nRUN conda create -y -n one alpha CLEAN\nRUN conda create -y -n two alpha CLEAN\n"
    ),
    "later clean": Leftover("FROM BASE\nRUN conda install -y beta CLEAN\nRUN conda clean --all -y CLEAN\n"),
    "later chown": Leftover("FROM BASE\nRUN conda install -y beta CLEAN\nRUN chown -R 1000:1000 /opt/conda\n"),
    "copy of a stage": Leftover(
        "FROM BASE AS builder\nRUN conda create -y -n one beta CLEAN\nFROM BASE\nCOPY --from=builder /opt/conda /opt/conda\n"
    ),
    "another user": Leftover(
        "FROM BASE\nRUN useradd --create-home app\nUSER app\nRUN conda create -y -p /home/app/env beta CLEAN\n"
    ),
    "podman": Leftover("FROM BASE\nRUN conda install -y beta CLEAN\n", ()),
    # All RUNs are one layer here, in which both environments share files by links to the cache: it may go at the end.
    "podman, squashed": Leftover(
        "FROM BASE\nRUN conda install -y alpha\nRUN conda create -y -n two beta CLEAN\n", ("--squash",)
    ),
}


def build(leftover: Leftover, base: str, tag: str, address: str, podman: Podman | None, *, clean: bool) -> None:
    """Build the image, with each layer's leftovers or without, and give it to the Docker daemon."""
    text = leftover.dockerfile(base, clean=clean)
    arguments = [f"--build-arg=HOST={address}"] if "HOST" in text else []
    if leftover.podman is None:
        images.build(text, tag, None, "--network=host", *arguments)
    else:
        assert podman is not None
        podman.build(text, tag, *leftover.podman)
        podman.give(tag)
