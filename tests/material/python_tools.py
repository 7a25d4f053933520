"""Owns the image with the real pip, uv and wget beside conda 4.3.16, and what a server gives them to install."""

from __future__ import annotations

import base64
import hashlib
import http.server
import random
import tempfile
import threading
import zipfile
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from . import channel, conda43, images, store

if TYPE_CHECKING:
    from collections.abc import Iterator

PIP, UV = "pip==25.3", "uv==0.13.9"
TAG = "slimconda-test/tools:1"
# Debian's mark, that only apt may install, came with its Python: a conda environment has none.
DOCKERFILE = """\
FROM {base}
ADD tools.tar /
ENV PIP_BREAK_SYSTEM_PACKAGES=1 UV_BREAK_SYSTEM_PACKAGES=1
"""
PIP_SCRIPT = "#!/opt/conda/bin/python\nimport sys\nfrom pip._internal.cli.main import main\nsys.exit(main())\n"
GAMMA_BYTES = 400_000
INSTALLER = "Miniforge3-Linux-x86_64.sh"
# A real installer cannot be had from PyPI or Debian: this script takes constructor's options, unpacks what stands
# behind it, and lets the conda of the image install a package, whose archive stays in pkgs/, as constructor leaves it.
INSTALLER_HEAD = """\
#!/bin/sh
set -e
prefix=/opt/conda
while getopts bup: option; do case $option in p) prefix=$OPTARG ;; esac; done
mkdir -p "$prefix/share"
tail -n +9 "$0" > "$prefix/share/payload"
"$prefix/bin/conda" install -y alpha
exit 0
"""
PAYLOAD_BYTES = 1_500_000


def tools_base() -> images.CondaBase:
    """Return the image of conda 4.3.16 with pip for its Python, uv and wget."""
    base = images.conda43_base()
    tools = store.piece("tools", store.digest(Path(__file__), Path(store.__file__)), make_tools)
    found = images.CondaBase("tools", TAG, channel.PACKAGES)
    key = store.digest(DOCKERFILE, tools.name, base.tag, conda43.tree().name, images.base_tar().parent.name)
    dockerfile = DOCKERFILE.format(base=base.tag)

    def lay_out(context: Path) -> None:
        images.write_tar(context / "tools.tar", lambda tar: tar.add(tools, "."))

    images.provide(TAG, key, lambda: images.build_labelled(dockerfile, TAG, key, lay_out))
    return found


def make_tools(folder: Path) -> None:
    """Lay out pip in the root environment, and uv and wget, which is busybox's, on PATH."""
    programs = folder / "usr/local/bin"
    programs.mkdir(parents=True)
    store.install_wheels(folder / "opt/conda" / channel.SITE, PIP)
    (folder / "opt/conda/bin").mkdir()
    (folder / "opt/conda/bin/pip").write_text(PIP_SCRIPT)
    (folder / "opt/conda/bin/pip").chmod(0o755)
    with tempfile.TemporaryDirectory() as work:
        store.install_wheels(Path(work, "uv"), UV, programs=True)
        Path(work, "uv/bin/uv").rename(programs / "uv")
        store.run(
            [
                store.tool("mmdebstrap"),
                "--quiet",
                "--variant=extract",
                "--include=busybox-static",
                "bookworm",
                f"{work}/tree",
            ]
        )
        Path(work, "tree/bin/busybox").rename(programs / "wget")


@contextmanager
def served() -> Iterator[str]:
    """Serve a package index at /simple and an installer at /, and give the address; it can be asked on this machine."""
    with tempfile.TemporaryDirectory() as folder:
        make_wheel(Path(folder, "simple/gamma"))
        payload = random.Random("payload").randbytes(PAYLOAD_BYTES)
        Path(folder, INSTALLER).write_bytes(INSTALLER_HEAD.encode() + payload)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Cacheable, directory=folder))
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


class Cacheable(http.server.SimpleHTTPRequestHandler):
    """Serve files as PyPI does: with an ETag, without which pip keeps nothing."""

    def end_headers(self) -> None:
        """Add the header that says how long an answer may be kept."""
        self.send_header("Cache-Control", "max-age=365000000, immutable, public")
        self.send_header("ETag", f'"{hashlib.md5(self.path.encode()).hexdigest()}"')
        super().end_headers()

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  # the name is the base class's
        """Say nothing."""


def make_wheel(folder: Path) -> None:
    """Write the wheel of the package gamma, which is as large as its random bytes."""
    folder.mkdir(parents=True)
    files = {
        "gamma/__init__.py": b'"""The test package gamma."""\n',
        "gamma/data.bin": random.Random("gamma").randbytes(GAMMA_BYTES),
        "gamma-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: gamma\nVersion: 1.0\n",
        "gamma-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nGenerator: slimconda\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},sha256={urlsafe(data)},{len(data)}\n" for name, data in files.items())
    files["gamma-1.0.dist-info/RECORD"] = f"{record}gamma-1.0.dist-info/RECORD,,\n".encode()
    with zipfile.ZipFile(folder / "gamma-1.0-py3-none-any.whl", "w") as wheel:
        for name, data in files.items():
            wheel.writestr(zipfile.ZipInfo(name), data)


def urlsafe(data: bytes) -> str:
    """Return a digest as RECORD writes it."""
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
