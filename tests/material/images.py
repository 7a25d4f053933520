"""Owns the images: a Debian base, and on it one image for each tool, with its channel in /channel."""

from __future__ import annotations

import json
import os
import platform
import shutil
import tarfile
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from . import channel, conda43, rattler_conda, store

if TYPE_CHECKING:
    from collections.abc import Callable

BASE = "slimconda-test/base:1"
LABEL = "slimconda.material"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
LIBRARIES = (
    "ca-certificates",
    "libbz2-1.0",
    "libffi8",
    "liblzma5",
    "libncursesw6",
    "libreadline8",
    "libsqlite3-0",
    "libssl3",
    "libstdc++6",
    "passwd",
    "python3",
    "usr-is-merged",
    "zlib1g",
)
MERGED_USR = "/usr/share/mmdebstrap/hooks/merged-usr"
CONDARC = """\
root_dir: /opt/conda
channels: [file:///channel]
default_channels: [file:///channel]
channel_alias: file:///channels
add_pip_as_python_dependency: false
auto_update_conda: false
"""
# One wrapper under three names; -I and -B keep the environment of the RUN, and its layer, clean.
WRAPPER = '#!/bin/sh\nexec /usr/bin/python3 -IB /opt/tool "${0##*/}" "$@"\n'
DOCKERFILE = f"""\
FROM {BASE}
ADD channel.tar tool.tar /
ENV PATH=/opt/conda/bin:{PATH} CONDA_DIR=/opt/conda
RUN COMPILE && conda install -y python && CLEAN && rm -rf /root/.conda
"""


@dataclass(frozen=True)
class CondaBase:
    """An image with a conda: root prefix /opt/conda with a Python in it, an empty cache, and /channel."""

    name: str
    tag: str
    packages: tuple[str, ...]

    def proof(self, image: str, *modules: str, prefix: str = "/opt/conda") -> list[str]:
        """Return the command that fails unless the environment in IMAGE still imports MODULES."""
        code = "".join(f"import {module}\n" for module in modules)
        return [docker(), "run", "--rm", "--network=none", image, f"{prefix}/bin/python", "-B", "-c", code]


def docker() -> str:
    """Find a client with BuildKit inside: Debian's has it, others on PATH may lack buildx."""
    return "/usr/bin/docker" if os.access("/usr/bin/docker", os.X_OK) else store.tool("docker")


def build(dockerfile: str, tag: str, context: Path | None = None, *arguments: str) -> str:
    """Build a Dockerfile without a network and return the log."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "Dockerfile")
        path.write_bytes(dockerfile.encode())
        empty = Path(folder, "context")
        empty.mkdir()
        command = [docker(), "build", "--network=none", "--progress=plain", f"--tag={tag}", f"--file={path}"]
        return store.run([*command, *arguments, context or empty], env={"DOCKER_BUILDKIT": "1"})


def current(tag: str, key: str) -> bool:
    """Say whether the daemon has this version of an image."""
    with suppress(store.CommandError):
        (image,) = json.loads(store.run([docker(), "image", "inspect", tag]))
        return bool((image["Config"]["Labels"] or {}).get(LABEL) == key)
    return False


def provide(tag: str, key: str, make: Callable[[], object]) -> None:
    """Make an image, unless the daemon has this version of it."""
    with store.locked(tag):
        if not current(tag, key):
            make()


def build_labelled(dockerfile: str, tag: str, key: str, lay_out: Callable[[Path], object]) -> None:
    """Build an image whose label says which version it is, in a context that LAY_OUT fills."""
    with tempfile.TemporaryDirectory() as context:
        lay_out(Path(context))
        build(dockerfile, tag, Path(context), f"--label={LABEL}={key}")


def base_tar() -> Path:
    """Return the tar of a minimal Debian with useradd and the libraries that both Pythons need."""
    if platform.machine() != "x86_64":
        raise store.MissingError("the test images are x86_64")
    return store.piece("base", store.digest("2", *LIBRARIES), make_base) / "base.tar"


def make_base(folder: Path) -> None:
    """Bootstrap bookworm without documentation, apt and, since /usr is merged from the start, perl."""
    unread = [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("doc", "info", "locale", "man")]
    command = [store.tool("mmdebstrap"), "--variant=essential", "--quiet", '--aptopt=Acquire::Languages "none"']
    merged = f"--hook-dir={MERGED_USR}"
    store.run([*command, *unread, merged, f"--include={','.join(LIBRARIES)}", "bookworm", folder / "base.tar"])


def base_image() -> str:
    """Return the tag of the base image, importing it if this daemon lacks it."""
    tar = base_tar()
    key = tar.parent.name
    changes = [f"--change=LABEL {LABEL}={key}", f"--change=ENV PATH={PATH}", "--change=CMD bash"]
    provide(BASE, key, lambda: store.run([docker(), "import", *changes, tar, BASE]))
    return BASE


def rattler_base() -> CondaBase:
    """Return the image with conda, mamba and micromamba on py-rattler."""
    packages = channel.channel(base_tar(), old=False)
    tool = store.piece(
        "rattler",
        store.digest(Path(rattler_conda.__file__), Path(store.__file__), version("py-rattler"), WRAPPER),
        make_rattler,
    )
    compiling = "python3 -m compileall -q --invalidation-mode unchecked-hash /opt/tool/rattler"
    return conda_image("rattler", packages, tool, compiling, "conda clean -afy")


def make_rattler(folder: Path) -> None:
    """Lay out py-rattler, the tool and its names."""
    store.install_wheels(folder / "opt/tool", f"py-rattler=={version('py-rattler')}")
    shutil.copyfile(rattler_conda.__file__, folder / "opt/tool/__main__.py")
    (folder / "opt/conda/bin").mkdir(parents=True)
    for name in ("conda", "mamba", "micromamba"):
        wrapper = folder / "opt/conda/bin" / name
        wrapper.write_text(WRAPPER)
        wrapper.chmod(0o755)


def conda43_base() -> CondaBase:
    """Return the image with the real conda 4.3.16."""
    tool = conda43.tree()
    compiling = f"{conda43.python37()}/bin/python3.7 -m compileall -q --invalidation-mode unchecked-hash"
    compiling = f"({compiling} /opt/tool {conda43.python37()}/lib >/dev/null || true)"
    packages = channel.channel(base_tar(), old=True)
    return conda_image("conda43", packages, tool, compiling, "conda clean --all -y && rm -rf /opt/conda/pkgs")


def conda_image(name: str, packages: Path, tool: Path, compiling: str, cleaning: str) -> CondaBase:
    """Build the image of one tool, unless the daemon has it."""
    found = CondaBase(name, f"slimconda-test/{name}:1", channel.PACKAGES)
    dockerfile = DOCKERFILE.replace("COMPILE", compiling).replace("CLEAN", cleaning)
    key = store.digest(dockerfile, CONDARC, base_image(), base_tar().parent.name, packages.name, tool.name)

    def lay_out(context: Path) -> None:
        write_tar(context / "tool.tar", lambda tar: tar.add(tool, "."))
        write_tar(context / "channel.tar", lambda tar: add_channel(tar, packages, context))

    provide(found.tag, key, lambda: build_labelled(dockerfile, found.tag, key, lay_out))
    return found


def write_tar(path: Path, fill: Callable[[tarfile.TarFile], None]) -> None:
    """Write a tar whose files belong to root."""
    with tarfile.open(path, "w") as tar:
        fill(tar)


def add_channel(tar: tarfile.TarFile, packages: Path, work: Path) -> None:
    """Put the channel in /channel, under the name conda-forge too, and conda's configuration beside it."""
    (work / "condarc").write_text(CONDARC)
    (work / "conda-forge").symlink_to("/channel")
    tar.add(packages, "channel")
    tar.add(work / "conda-forge", "channels/conda-forge")
    tar.add(work / "condarc", "etc/conda/.condarc")
