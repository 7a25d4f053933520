"""Owns the side-by-side run of `slimconda lint` and hadolint: CPU time and memory of whole calls, and the verdict."""

import argparse
import os
import platform
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import chdir
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from dockerfiles import LINES, dockerfile

FILES = 500
# Neither tool may take its settings, or its way of printing, from whoever runs this; .pyc files are kept as installed.
DROPPED = ("PYTHON", "HADOLINT", "SLIMCONDA", "GITHUB_ACTIONS", "NO_COLOR", "FORCE_COLOR", "COLUMNS")
UNREAD = {"slimconda": b'"syntax-error"', "hadolint": b'"DL1000"'}


@dataclass(frozen=True)
class Call:
    """What one call took: CPU seconds of the process and its children, and its highest resident memory in MiB."""

    seconds: float
    memory: float


@dataclass(frozen=True)
class Case:
    """Files that both tools get in one call, how often, and the most that slimconda may take of hadolint's CPU time."""

    title: str
    paths: tuple[str, ...]
    rounds: int
    target: float


@dataclass(frozen=True)
class Result:
    """The medians of a case by tool."""

    case: Case
    slimconda: Call
    hadolint: Call

    @property
    def ratio(self) -> float:
        """Return slimconda's CPU time as a multiple of hadolint's."""
        return self.slimconda.seconds / self.hadolint.seconds

    @property
    def met(self) -> bool:
        """Tell whether the target is met."""
        return self.ratio <= self.case.target


def main() -> int:
    """Measure, print, and return the exit code: 1 where a target is missed."""
    options = _options()
    tools = {name: _executable(name) for name in ("slimconda", "hadolint")}
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        paths = _write_files(FILES)
        cases = (
            Case(f"1 file, {LINES} lines", paths[:1], options.rounds, 3.0),
            Case(f"{FILES} files, {LINES} lines", paths, options.batch_rounds, 0.2),
        )
        _check_that_all_is_read(tools, paths)
        print(_setting(paths))
        results = [_measure(case, tools) for case in cases]
    print(_table(results))
    return 0 if all(result.met for result in results) else 1


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


def _check_that_all_is_read(tools: dict[str, str], paths: tuple[str, ...]) -> None:
    """Call both tools once, which fills the caches, and stop where one of them cannot read a file to its end."""
    for name, executable in tools.items():
        report = Path(f"{name}.json")
        _call([executable, *_verb(name), "--format", "json", *paths], report)
        if UNREAD[name] in report.read_bytes():
            sys.exit(f"{name} does not understand all of the files; the comparison would not be fair")


def _verb(name: str) -> list[str]:
    return ["lint"] if name == "slimconda" else []


def _measure(case: Case, tools: dict[str, str]) -> Result:
    """Call the tools in turn, so that what else the machine does hits both alike."""
    calls: dict[str, list[Call]] = {name: [] for name in tools}
    for _ in range(case.rounds):
        for name, executable in tools.items():
            calls[name].append(_call([executable, *_verb(name), *case.paths], Path(os.devnull)))
    return Result(case, _median(calls["slimconda"]), _median(calls["hadolint"]))


def _call(command: list[str], output: Path) -> Call:
    """Run a tool; both end with 0 or 1, anything else stops the benchmark."""
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
    rows: list[tuple[str, ...]] = [("Median of whole calls", "slimconda", "hadolint", "ratio", "target", "")]
    rows += [row for result in results for row in _rows(result)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [" | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    lines.insert(1, " | ".join("-" * width for width in widths))
    return "\n".join(
        [
            *(f"| {line} |" for line in lines),
            "CPU is user + system time. hadolint also runs ShellCheck on every RUN, which slimconda does not do.",
        ]
    )


def _rows(result: Result) -> Iterator[tuple[str, ...]]:
    ours, theirs, case = result.slimconda, result.hadolint, result.case
    verdict = "met" if result.met else "MISSED"
    seconds = (f"{ours.seconds:.3f}", f"{theirs.seconds:.3f}", f"{result.ratio:.3f}")
    yield f"{case.title}: CPU s", *seconds, f"<= {case.target:g}", verdict
    memory = (f"{ours.memory:.0f}", f"{theirs.memory:.0f}", f"{ours.memory / theirs.memory:.3f}")
    yield f"{case.title}: peak MiB", *memory, "", ""


if __name__ == "__main__":
    sys.exit(main())
