"""Owns the run of `slimconda lint` beside hadolint and tally: CPU time and memory of whole calls, and the verdict."""

import argparse
import os
import platform
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import chdir
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from dockerfiles import LINES, dockerfile, without_conda

from slimconda.config import Config
from slimconda.dockerfile.parser import parse
from slimconda.linter import lint_dockerfile
from slimconda.source import Source

FILES = 500
# No tool may take its settings, or its way of printing, from whoever runs this; .pyc files are kept as installed.
DROPPED = ("PYTHON", "HADOLINT", "TALLY", "SLIMCONDA", "GITHUB_ACTIONS", "NO_COLOR", "FORCE_COLOR", "COLUMNS")
# Without its slow checks tally asks no registry.
TOOLS = {"slimconda": ["lint"], "hadolint": [], "tally": ["lint", "--no-config", "--slow-checks", "off"]}
PEERS = ("hadolint", "tally")
# What a tool says of a file that it gives up; tally ends with 2 then.
UNREAD = {"slimconda": b'"syntax-error"', "hadolint": b'"DL1000"'}
# Without a conda word the rules may take this much of the time that parsing takes.
WITHOUT_CONDA = 0.25


@dataclass(frozen=True)
class Call:
    """What one call took: CPU seconds of the process and its children, and its highest resident memory in MiB."""

    seconds: float
    memory: float


@dataclass(frozen=True)
class Case:
    """Files that all tools get in one call, how often, and the most that slimconda may take of each peer's CPU time."""

    title: str
    paths: tuple[str, ...]
    rounds: int
    targets: dict[str, float]


@dataclass(frozen=True)
class Result:
    """The medians of a case by tool."""

    case: Case
    medians: dict[str, Call]

    def ratio(self, peer: str) -> float:
        """Return slimconda's CPU time as a multiple of a peer's."""
        return self.medians["slimconda"].seconds / self.medians[peer].seconds

    def met(self, peer: str) -> bool:
        """Tell whether the target beside a peer is met."""
        return self.ratio(peer) <= self.case.targets[peer]


def main() -> int:
    """Measure, print, and return the exit code: 1 where a target is missed."""
    options = _options()
    tools = {name: [_executable(name), *words] for name, words in TOOLS.items()}
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        paths = _write_files(FILES)
        cases = (
            Case(f"1 file, {LINES} lines", paths[:1], options.rounds, {"hadolint": 3.0, "tally": 1.0}),
            Case(f"{FILES} files, {LINES} lines", paths, options.batch_rounds, {"hadolint": 0.2, "tally": 0.2}),
        )
        _check_that_all_is_read(tools, paths)
        print(_setting(paths))
        results = [_measure(case, tools) for case in cases]
    print(_table(results))
    share = _share_without_conda(options.batch_rounds)
    print(f"{FILES} files without a conda word: the rules add {share:.0%} to parsing (target <= {WITHOUT_CONDA:.0%}).")
    return 0 if share <= WITHOUT_CONDA and all(result.met(peer) for result in results for peer in PEERS) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=21, help="calls of each tool with one file")
    parser.add_argument("--batch-rounds", type=int, default=3, help="calls of each tool with all files")
    return parser.parse_args()


def _executable(name: str) -> str:
    """Return the tool that is installed beside this Python, so that both come from the same lock file."""
    found = shutil.which(name, path=str(Path(sys.executable).parent))
    if found is None:
        sys.exit(f"{name} is not installed here; run: uv run --group bench python benchmarks/lint.py")
    return found


def _write_files(count: int) -> tuple[str, ...]:
    paths = tuple(f"{number:03}.Dockerfile" for number in range(count))
    for number, path in enumerate(paths):
        Path(path).write_text(dockerfile(number), encoding="utf-8")
    return paths


def _check_that_all_is_read(tools: dict[str, list[str]], paths: tuple[str, ...]) -> None:
    """Call each tool once, which fills the caches, and stop where one of them cannot read a file to its end."""
    for name, command in tools.items():
        report = Path(f"{name}.json")
        _call([*command, "--format", "json", *paths], report)
        if name in UNREAD and UNREAD[name] in report.read_bytes():
            sys.exit(f"{name} does not understand all of the files; the comparison would not be fair")


def _measure(case: Case, tools: dict[str, list[str]]) -> Result:
    """Call the tools in turn, so that what else the machine does hits all alike."""
    calls: dict[str, list[Call]] = {name: [] for name in tools}
    for _ in range(case.rounds):
        for name, command in tools.items():
            calls[name].append(_call([*command, *case.paths], Path(os.devnull)))
    return Result(case, {name: _median(several) for name, several in calls.items()})


def _share_without_conda(rounds: int) -> float:
    """Return the CPU time of all rules as a share of that of parsing, in files that have nothing to do with conda."""
    sources = [Source(f"{number:03}.Dockerfile", without_conda(number).encode()) for number in range(FILES)]
    shares = []
    for _ in range(rounds + 1):
        start = time.process_time()
        parsed = [parse(source) for source in sources]
        between = time.process_time()
        if any(lint_dockerfile(dockerfile, Config()).findings for dockerfile in parsed):
            sys.exit("a file without a conda word has findings")
        shares.append((time.process_time() - between) / (between - start))
    return statistics.median(shares[1:])


def _call(command: list[str], output: Path) -> Call:
    """Run a tool; all of them end with 0 or 1, anything else stops the benchmark."""
    actions = [
        (os.POSIX_SPAWN_OPEN, 1, str(output), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
    ]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(DROPPED)}
    process = os.posix_spawn(command[0], command, environment, file_actions=actions)
    _, status, usage = os.wait4(process, 0)
    if os.waitstatus_to_exitcode(status) not in {0, 1}:
        sys.exit(f"{command[0]} ended with {os.waitstatus_to_exitcode(status)}")
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return Call(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / unit)


def _median(calls: list[Call]) -> Call:
    return Call(statistics.median(call.seconds for call in calls), statistics.median(call.memory for call in calls))


def _setting(paths: tuple[str, ...]) -> str:
    """Return what the numbers depend on: the machine, and which files these are."""
    digest = sha256(b"".join(Path(path).read_bytes() for path in paths)).hexdigest()[:12]
    machine = f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}"
    return f"{machine}; files sha256:{digest}"


def _table(results: list[Result]) -> str:
    """Return the results as a Markdown table, with what has to be known to read it."""
    rows: list[tuple[str, ...]] = [("Median of whole calls", "slimconda", "peer", "", "ratio", "target", "")]
    rows += [row for result in results for peer in PEERS for row in _rows(result, peer)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [" | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    lines.insert(1, " | ".join("-" * width for width in widths))
    return "\n".join(
        [
            *(f"| {line} |" for line in lines),
            "CPU is user + system time. hadolint and tally also run ShellCheck on every RUN, slimconda does not.",
        ]
    )


def _rows(result: Result, peer: str) -> Iterator[tuple[str, ...]]:
    ours, theirs, case = result.medians["slimconda"], result.medians[peer], result.case
    verdict = "met" if result.met(peer) else "MISSED"
    seconds = (f"{ours.seconds:.3f}", peer, f"{theirs.seconds:.3f}", f"{result.ratio(peer):.3f}")
    yield f"{case.title}: CPU s", *seconds, f"<= {case.targets[peer]:g}", verdict
    memory = (f"{ours.memory:.0f}", peer, f"{theirs.memory:.0f}", f"{ours.memory / theirs.memory:.3f}")
    yield f"{case.title}: peak MiB", *memory, "", ""


if __name__ == "__main__":
    sys.exit(main())
