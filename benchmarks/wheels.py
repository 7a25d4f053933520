"""Prints what a wheel of PyPI and those that it requires by exact version weigh, by the index: nothing is downloaded.

`uv run python benchmarks/wheels.py torch==2.7.1 mkl==2024.2.2`
"""

import json
import re
import sys
import urllib.error
import urllib.request
from datetime import UTC, datetime

INDEX = "https://pypi.org/simple"
WANTED = re.compile(r"(?:cp311-cp311|py3-none|py2\.py3-none)-\S*(?:linux\S*x86_64|any)\.whl")
EXACT = re.compile(r"Requires-Dist: ([A-Za-z0-9._-]+) ?\(?==([\w.]+)\)?(?: *;.*Linux.*)?$", re.MULTILINE)


def files_of(name: str) -> list[dict[str, object]]:
    """Return what the index says of a project's files."""
    accept = {"Accept": "application/vnd.pypi.simple.v1+json"}
    with urllib.request.urlopen(urllib.request.Request(f"{INDEX}/{name}/", headers=accept)) as answer:
        files: list[dict[str, object]] = json.load(answer)["files"]
    return files


def wheel_of(name: str, version: str) -> dict[str, object]:
    """Return the wheel of a version for Python 3.11 on x86-64 Linux."""
    start = f"{re.sub(r'[-_.]+', '_', name)}-{version}-".lower()
    files = [f for f in files_of(name) if str(f["filename"]).lower().startswith(start)]
    return next(f for f in files if WANTED.search(str(f["filename"])))


def metadata_of(url: str) -> str:
    """Return a wheel's metadata; old wheels have none beside them."""
    try:
        with urllib.request.urlopen(f"{url}.metadata") as answer:
            return str(answer.read().decode())
    except urllib.error.HTTPError:
        return ""


def weigh(name: str, version: str, depth: int = 0) -> int:
    """Print a wheel's size and those of what it requires exactly; return the sum in bytes."""
    wheel = wheel_of(name, version)
    size = int(str(wheel["size"]))
    print(f"{'  ' * depth}{size:>13,}  {wheel['filename']}")
    if depth:
        return size
    needed = EXACT.findall(metadata_of(str(wheel["url"])))
    return size + sum(weigh(name, version, 1) for name, version in sorted(set(needed)))


def main() -> None:
    """Weigh what is named as NAME==VERSION."""
    print(datetime.now(UTC).date())
    for word in sys.argv[1:]:
        name, _, version = word.partition("==")
        print(f"{weigh(name, version):>13,}  in all")


if __name__ == "__main__":
    main()
