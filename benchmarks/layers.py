"""Owns the side-by-side run of `slimconda inspect`, the machine's own limits and dive: time, memory, ratios."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from image import layers, write_archive, write_layers

if TYPE_CHECKING:
    from collections.abc import Sequence

TAG = "slimconda-bench:1"


@dataclass(frozen=True)
class Run:
    """What a command took: CPU and wall seconds, and its highest resident memory in MiB."""

    cpu: float
    wall: float
    memory: float


@dataclass(frozen=True)
class Case:
    """A command of slimconda beside the one that sets its limit; `most` is the largest ratio allowed, by `what`."""

    title: str
    limit: tuple[str, ...]
    own: tuple[str, ...]
    most: float
    what: str = "cpu"


def main() -> None:
    """Make the image, run every case in turn, print the table; exit with 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="keep the generated image here, and use it again")
    parser.add_argument("--daemon", action="store_true", help="load it into the Docker daemon, and read it there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="slimconda-bench-") as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        cases = list(_cases(_made(folder), daemon=options.daemon))
        print(_machine(), flush=True)
        missed = [not _shown(case, options.rounds) for case in cases]
    sys.exit(any(missed))


def _made(folder: Path) -> dict[str, Path]:
    """Return the archives by how their layers are packed, made where they are missing."""
    made = {kind: folder / f"{kind}.archive" for kind in ("raw", "gzip", "zstd")}
    if not all(path.exists() for path in made.values()):
        plain = write_layers(folder)
        packers = {"gzip": ("igzip", "-1", "-k", "-c"), "zstd": ("zstd", "-q", "-3", "-c")}
        write_archive(made["raw"], plain, plain)
        for kind, command in packers.items():
            blobs = [_packed(path, command, kind) for path in plain]
            write_archive(made[kind], blobs, plain)
    return made


def _packed(path: Path, command: Sequence[str], kind: str) -> Path:
    packed = path.with_suffix(f".{kind}")
    with packed.open("wb") as output:
        subprocess.run([*command, str(path)], stdout=output, check=True)
    return packed


def _cases(made: dict[str, Path], *, daemon: bool) -> list[Case]:
    slimconda = (str(Path(sys.executable).with_name("slimconda")), "inspect")
    count = range(len(layers()))
    blobs = {kind: " ".join(str(made[kind].with_name(f"{n}.{kind}")) for n in count) for kind in ("gzip", "zstd")}
    plain = " ".join(str(made["raw"].with_name(f"{n}.tar")) for n in count)
    raw = (*slimconda, str(made["raw"]))
    cases = [
        Case("raw, cat", ("cat", str(made["raw"])), raw, 4, "wall"),
        Case("raw, tar -tvf of each layer", ("sh", "-c", f"for f in {plain}; do tar -tvf $f; done"), raw, 1),
        Case("gzip, igzip -dc", ("sh", "-c", f"igzip -dc {blobs['gzip']}"), (*slimconda, str(made["gzip"])), 1.5),
        Case("zstd, zstd -dc", ("sh", "-c", f"zstd -q -dc {blobs['zstd']}"), (*slimconda, str(made["zstd"])), 1.6),
    ]
    if dive := shutil.which("dive"):
        command = (dive, f"docker-archive://{made['raw']}", "--ci")
        cases += [Case("dive, CPU", command, raw, 1), Case("dive, memory", command, raw, 1, "memory")]
    if daemon:
        subprocess.run(["docker", "load", "-q", "-i", str(made["raw"])], check=True, stdout=subprocess.DEVNULL)
        cases.append(Case("docker save", ("docker", "save", TAG), (*slimconda, TAG), 1.1, "wall"))
    return cases


def _machine() -> str:
    return f"Python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"


def _shown(case: Case, rounds: int) -> bool:
    """Run both in turn, print medians and the ratio, and tell whether the target is met."""
    runs = [(_run(case.limit), _run(case.own)) for _ in range(rounds)]
    limit, own = _median([pair[0] for pair in runs]), _median([pair[1] for pair in runs])
    ratio = float(getattr(own, case.what)) / float(getattr(limit, case.what))
    met = ratio <= case.most
    print(
        f"{case.title:<28} {limit.cpu:6.2f} {limit.wall:6.2f} {limit.memory:6.0f} | {own.cpu:6.2f} {own.wall:6.2f} "
        f"{own.memory:6.0f} | {case.what} {ratio:5.2f}, at most {case.most}: {'met' if met else 'MISSED'}",
        flush=True,
    )
    return met


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
