"""Owns the side-by-side run of `slimconda inspect`, the machine's own limits and dive: time, memory, ratios."""

from __future__ import annotations

import argparse
import math
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from image import layers, million, write_archive, write_layers

if TYPE_CHECKING:
    from collections.abc import Sequence

TAG = "slimconda-bench:1"
INSPECT = (str(Path(sys.executable).with_name("slimconda")), "inspect", "--no-cache")
DIVE = shutil.which("dive", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")


@dataclass(frozen=True)
class Run:
    """What a command took: CPU and wall seconds, and its highest resident memory in MiB."""

    cpu: float
    wall: float
    memory: float


@dataclass(frozen=True)
class Case:
    """A command of slimconda beside the one that sets its limit; `most` is the largest ratio allowed, by `what`.

    `most_memory` is the most that slimconda may take whatever the other takes, in MiB.
    """

    title: str
    limit: tuple[str, ...]
    own: tuple[str, ...]
    most: float
    what: str = "cpu"
    most_memory: float = math.inf


def main() -> None:
    """Make the image, run every case in turn, print the table; exit with 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="keep the generated image here, and use it again")
    parser.add_argument("--daemon", action="store_true", help="load it into the Docker daemon, and read it there")
    parser.add_argument("--million", action="store_true", help="also read an image of a million names")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="slimconda-bench-") as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        with ProcessPoolExecutor(1) as maker:  # a process counts its parent's memory as its own peak
            made = maker.submit(_made, folder).result()
            many = maker.submit(_million, folder).result() if options.million else None
        cases = _cases(made)
        cases += _daemon_cases(folder / "raw.archive") if options.daemon else []
        cases += _million_cases(many) if many else []
        print(_machine(), flush=True)
        missed = [not _shown(case, options.rounds) for case in cases]
    sys.exit(any(missed))


def _made(folder: Path) -> dict[str, Path]:
    """Return the archives by how their layers are packed, made where they are missing."""
    made = {kind: folder / f"{kind}.archive" for kind in ("raw", "gzip", "zstd")}
    if not all(path.exists() for path in made.values()):
        plain = write_layers(folder, layers())
        packers = {"gzip": ("igzip", "-1", "-k", "-c"), "zstd": ("zstd", "-q", "-3", "-c")}
        write_archive(made["raw"], layers(), plain, plain)
        for kind, command in packers.items():
            blobs = [_packed(path, command, kind) for path in plain]
            write_archive(made[kind], layers(), blobs, plain)
    return made


def _million(folder: Path) -> Path:
    """Return the archive of a million names, made where it is missing."""
    path, inside = folder / "million.archive", folder / "million"
    if not path.exists():
        inside.mkdir(exist_ok=True)
        plain = write_layers(inside, million())
        write_archive(path, million(), plain, plain)
        shutil.rmtree(inside)
    return path


def _packed(path: Path, command: Sequence[str], kind: str) -> Path:
    packed = path.with_suffix(f".{kind}")
    with packed.open("wb") as output:
        subprocess.run([*command, str(path)], stdout=output, check=True)
    return packed


def _cases(made: dict[str, Path]) -> list[Case]:
    count = range(len(layers()))
    blobs = {kind: " ".join(str(made[kind].with_name(f"{n}.{kind}")) for n in count) for kind in ("gzip", "zstd")}
    plain = " ".join(str(made["raw"].with_name(f"{n}.tar")) for n in count)
    raw = (*INSPECT, str(made["raw"]))
    cases = [
        Case("raw, cat", ("cat", str(made["raw"])), raw, 4, "wall"),
        Case("raw, tar -tvf of each layer", ("sh", "-c", f"for f in {plain}; do tar -tvf $f; done"), raw, 1),
        Case("gzip, igzip -dc", ("sh", "-c", f"igzip -dc {blobs['gzip']}"), (*INSPECT, str(made["gzip"])), 1.5),
        Case("zstd, zstd -dc", ("sh", "-c", f"zstd -q -dc {blobs['zstd']}"), (*INSPECT, str(made["zstd"])), 1.6),
    ]
    if DIVE:
        dive = (DIVE, f"docker-archive://{made['raw']}", "--ci")
        cases += [Case("raw, dive", dive, raw, 1), Case("raw, dive's memory", dive, raw, 1, "memory")]
    again = (*INSPECT[:2], "--cache", str(made["raw"].parent / "kept"), str(made["gzip"]))
    cases.append(Case("gzip again, igzip -dc", cases[2].limit, again, 1))
    return cases


def _daemon_cases(archive: Path) -> list[Case]:
    subprocess.run(["docker", "load", "-q", "-i", str(archive)], check=True, stdout=subprocess.DEVNULL)
    save = ("docker", "save", TAG)
    again = (*INSPECT[:2], "--cache", str(archive.parent / "kept"), TAG)
    return [
        Case("docker save", save, (*INSPECT, TAG), 1.1, "wall"),
        Case("again, docker save", save, again, 0.5, "wall"),
    ]


def _million_cases(archive: Path) -> list[Case]:
    own = (*INSPECT, str(archive))
    if not DIVE:
        return []
    dive = (DIVE, f"docker-archive://{archive}", "--ci")
    return [
        Case("a million names, dive", dive, own, 1),
        Case("a million names, memory", dive, own, 1, "memory", 150),
    ]


def _machine() -> str:
    return f"Python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"


def _shown(case: Case, rounds: int) -> bool:
    """Run both in turn, print medians and the ratio, and tell whether the target is met."""
    limit, own = _medians(case.limit, case.own, rounds)
    ratio = float(getattr(own, case.what)) / float(getattr(limit, case.what))
    met = ratio <= case.most and own.memory <= case.most_memory
    memory = "" if case.most_memory == math.inf else f" and {case.most_memory} MiB"
    print(
        f"{case.title:<28} {limit.cpu:6.2f} {limit.wall:6.2f} {limit.memory:6.0f} | {own.cpu:6.2f} {own.wall:6.2f} "
        f"{own.memory:6.0f} | {case.what} {ratio:5.2f}, at most {case.most}{memory}: {'met' if met else 'MISSED'}",
        flush=True,
    )
    return met


@cache
def _medians(limit: tuple[str, ...], own: tuple[str, ...], rounds: int) -> tuple[Run, Run]:
    """Run both commands in turn; once for all rows about them."""
    runs = [(_run(limit), _run(own)) for _ in range(rounds)]
    return _median([pair[0] for pair in runs]), _median([pair[1] for pair in runs])


def _median(runs: list[Run]) -> Run:
    return Run(*(statistics.median(getattr(run, name) for run in runs) for name in ("cpu", "wall", "memory")))


def _run(command: Sequence[str]) -> Run:
    started = time.monotonic()
    with Path(os.devnull).open("wb") as nothing:
        process = subprocess.Popen(command, stdout=nothing, stderr=nothing)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in {0, 1}:
        sys.exit(f"{command[0]} ended with {process.returncode}")
    return Run(usage.ru_utime + usage.ru_stime, time.monotonic() - started, usage.ru_maxrss / 1024)


if __name__ == "__main__":
    main()
