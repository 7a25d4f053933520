"""Owns the side-by-side run of `slimconda du` and `du -s` on one warm tree: time, memory, and the same sum of bytes."""

import argparse
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

TARGET = 1.5
FILES = 250  # of each package
PER_FOLDER = 25


@dataclass(frozen=True)
class Call:
    """What one call took: seconds by the clock and of the processors, and the highest resident memory in MiB."""

    wall: float
    processors: float
    memory: float


def main() -> int:
    """Make a tree, measure, print, and return the exit code: 1 where the target is missed."""
    options = _options()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        root, home = Path(folder, "root"), Path(folder, "home")
        home.mkdir()
        names = make_tree(root, options.packages, options.environments)
        environment = {"HOME": str(home), "PATH": os.environ["PATH"]}
        ours = [_executable(), "du", str(root), "--json"]
        theirs = ["du", "-s", "--block-size=1", str(root)]
        _compare_sums(ours, theirs, environment)
        calls: dict[str, list[Call]] = {"slimconda": [], "du": []}
        for _ in range(options.rounds):
            calls["slimconda"].append(_call(ours, environment))
            calls["du"].append(_call(theirs, environment))
        print(_setting(names, options))
        verdict = _print(calls)
        if sys.platform == "linux":
            print(f"peak MiB of all processes of slimconda together: {_together(ours, environment):.0f}")
        sys.stdout.flush()
    return verdict


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--packages", type=int, default=1000)
    parser.add_argument("--environments", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", help="where to make the tree [default: the folder for temporary files]")
    return parser.parse_args()


def _executable() -> str:
    found = shutil.which("slimconda", path=str(Path(sys.executable).parent))
    if found is None:
        sys.exit("slimconda is not installed here; run: uv run python benchmarks/du.py")
    return found


def make_tree(root: Path, packages: int, environments: int) -> int:
    """Make a root with a package cache and environments linked with it, as conda does; return the number of names."""
    (root / "conda-meta").mkdir(parents=True)
    (root / "conda-meta/history").touch()
    homes = [root, *(root / f"envs/e{number}" for number in range(1, environments))]
    return sum(_make_package(root, homes, number) for number in range(packages))


def _make_package(root: Path, homes: list[Path], number: int) -> int:
    stem = f"package{number}-1.{number}-py311_0"
    source = root / "pkgs" / stem
    names = [
        f"lib/python3.11/site-packages/package{number}/part{file // PER_FOLDER}/module_{file}.py"
        for file in range(FILES)
    ]
    for index, name in enumerate(names):
        for home in (source, *homes) if index % PER_FOLDER == 0 else ():
            (home / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(bytes(200 + index * 37 % 6000))
        for home in homes:
            os.link(source / name, home / name)
    (source / "info").mkdir()
    (source / "info/index.json").write_text("{}")
    for home in homes:
        (home / "conda-meta").mkdir(exist_ok=True)
        (home / f"conda-meta/{stem}.json").write_text(json.dumps(_record(names, str(source)), indent=2))
    return FILES * (1 + len(homes))


def _record(names: list[str], source: str) -> dict[str, object]:
    digest = {"sha256": "0" * 64, "sha256_in_prefix": "0" * 64, "size_in_bytes": 0, "path_type": "hardlink"}
    paths = [{"_path": name, **digest} for name in names]
    return {"files": names, "link": {"source": source, "type": 1}, "paths_data": {"paths": paths, "paths_version": 1}}


def _compare_sums(ours: list[str], theirs: list[str], environment: dict[str, str]) -> None:
    """Call both once, which warms the cache, and stop where they do not tell the same."""
    first = json.loads(subprocess.run(ours, env=environment, check=True, capture_output=True).stdout)
    second = subprocess.run(theirs, env=environment, check=True, capture_output=True).stdout
    if first["total"]["allocated"] != int(second.split()[0]):
        sys.exit(f"the sums differ: {first['total']['allocated']} and {second!r}")


def _call(command: list[str], environment: dict[str, str]) -> Call:
    actions = [
        (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
        (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
    ]
    started = time.perf_counter()
    process = os.posix_spawnp(command[0], command, environment, file_actions=actions)
    _, status, usage = os.wait4(process, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        sys.exit(f"{command[0]} ended with {os.waitstatus_to_exitcode(status)}")
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return Call(time.perf_counter() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / unit)


def _together(command: list[str], environment: dict[str, str]) -> float:
    """Call once more, and return the highest memory in MiB of all processes; what they share counts once."""
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    highest = 0
    while process.poll() is None:
        children = _read(f"{process.pid}/task/{process.pid}/children").split()
        texts = [_read(f"{number}/smaps_rollup") for number in (str(process.pid), *children)]
        sizes = [int(size) for text in texts for size in re.findall(r"^Pss: +(\d+)", text, re.MULTILINE)]
        highest = max(highest, sum(sizes))
        time.sleep(0.02)
    return highest / 1024


def _read(path: str) -> str:
    try:
        return Path("/proc", path).read_text()
    except OSError:  # it has ended
        return ""


def _setting(names: int, options: argparse.Namespace) -> str:
    machine = f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}"
    load = f"load {os.getloadavg()[0]:.1f}"
    return (
        f"{machine}, {load}; {names:,} files' names, {options.packages} packages, {options.environments} environments"
    )


def _print(calls: dict[str, list[Call]]) -> int:
    print("| best of whole calls | slimconda du | du -s | ratio | target |\n|---|---|---|---|---|")
    ratios = {}
    for title, field in (("seconds by the clock", "wall"), ("processor seconds", "processors"), ("peak MiB", "memory")):
        ours, theirs = (min(getattr(call, field) for call in calls[tool]) for tool in ("slimconda", "du"))
        ratios[field] = ours / theirs
        target = f"<= {TARGET}" if field == "wall" else ""
        print(f"| {title} | {ours:.2f} | {theirs:.2f} | {ours / theirs:.2f} | {target} |")
    middle = {tool: statistics.median(call.wall for call in found) for tool, found in calls.items()}
    print(f"medians by the clock: slimconda {middle['slimconda']:.2f}, du {middle['du']:.2f}")
    return 0 if ratios["wall"] <= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
