"""Owns what the GitHub Action does with its inputs: fix, measure an image, lint, and say what came out."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slimconda import __version__
from slimconda.cli.output import BAD_INPUT, note
from slimconda.cli.runner import Inputs, base_commit, write_outputs, write_summary
from slimconda.errors import InputError
from slimconda.findings import Severity
from slimconda.reporters.escapes import fenced, inert
from slimconda.reporters.github import MOST_SHOWN

# Inputs that inspect takes as options of the same name.
IMAGE_OPTIONS = ("config", "fail-on", "dockerfile", "max-size", "max-residue", "max-growth")
REPORTS = ("json", "sarif", "rdjson", "markdown")


@dataclass(frozen=True)
class Measurement:
    """What inspect and compare said of the image: exit code, residue in bytes, report as JSON and as text."""

    code: int = 0
    residue: int = 0
    report: bytes = b""
    text: str = ""


def main() -> None:
    """Do what the inputs in the environment ask; exit with the worst of the exit codes."""
    try:
        sys.exit(run(Inputs.read(os.environ), Path(os.environ["RUNNER_TEMP"])))
    except InputError as error:
        note(str(error))
        sys.exit(BAD_INPUT)


def run(inputs: Inputs, temporary: Path) -> int:
    """Do what the inputs ask and return the exit code; raises InputError."""
    _check_version(inputs.text("version"))
    files = {name: temporary / f"slimconda.{name}" for name in (*REPORTS, "image")}
    for path in files.values():
        path.unlink(missing_ok=True)
    options, fixed = _options(inputs), 0
    if inputs.flag("fix"):
        fixed = _fix(files["json"], options)
    image = _measure(inputs) if inputs.text("image") else Measurement()
    code = _lint(inputs, files, options, image)
    if image.text:
        print(inert(image.text), end="", flush=True)  # noqa: T201
    found = max(0, fixed - _findings(files["json"])) if fixed else 0
    values: dict[str, object] = {"findings": _findings(files["json"]), "fixed": found, "residue-bytes": image.residue}
    write_outputs(values | {f"{name}-file": files[name] for name in ("sarif", "rdjson") if files[name].exists()})
    write_summary(files["markdown"], [_cut(files["json"]), fenced(image.text) if image.text else ""])
    return max(code, image.code)


def _check_version(wanted: str) -> None:
    """Raise InputError where this checkout is not of the version that the workflow expects, or begins of it."""
    parts = wanted.removeprefix("v").split(".") if wanted else []
    if __version__.split(".")[: len(parts)] != parts:
        raise InputError(f"version: this action is slimconda {__version__}, not {wanted}: name that version in uses:")


def _fix(report: Path, options: list[str]) -> int:
    """Fix the files and return how many findings there were before."""
    _slimconda("lint", "--format=json", "--exit-zero", f"--output=json={report}", *options, quiet=True)
    _slimconda("fix", "--exit-zero", *options)
    return _findings(report)


def _lint(inputs: Inputs, files: dict[str, Path], options: list[str], image: Measurement) -> int:
    outputs = [f"--output={name}={files[name]}" for name in REPORTS]
    shown = [f"--format={inputs.text('format')}"] if inputs.text("format") else []
    if image.report and inputs.text("dockerfile"):
        files["image"].write_bytes(image.report)
        outputs.append(f"--measured={files['image']}")
    return _slimconda("lint", *shown, *outputs, *options)


def _options(inputs: Inputs) -> list[str]:
    """Return the options and paths that lint and fix take alike."""
    options = []
    if inputs.flag("changed-only"):
        base = base_commit(os.environ)
        if base:
            options.append(f"--changed-since={base}")
        else:
            note("this event names no earlier commit, so that everything is linted")
    options += [f"--{name}={inputs.text(name)}" for name in ("baseline", "config", "fail-on") if inputs.text(name)]
    return [*options, "--", *inputs.paths]


def _measure(inputs: Inputs) -> Measurement:
    """Inspect the image and compare it with an earlier one."""
    image, since = inputs.text("image"), inputs.text("since")
    common = [f"--{name}={inputs.text(name)}" for name in IMAGE_OPTIONS if inputs.text(name)]
    common += [f"--since={since}"] if inputs.text("max-growth") else []
    run = _captured("inspect", "--format=json", *common, "--", image)
    if run.returncode > 1:
        return Measurement(run.returncode)
    text = _captured("inspect", *common, "--", image).stdout
    code, compared = _compare(since, image) if since and not _is_report(since) else (0, b"")
    residue = json.loads(run.stdout)["totals"]["residue"]
    return Measurement(max(run.returncode, code), residue, run.stdout, (text + compared).decode("utf-8", "replace"))


def _compare(before: str, after: str) -> tuple[int, bytes]:
    run = _captured("compare", "--", before, after)
    return run.returncode, b"\n" + run.stdout if run.returncode < BAD_INPUT else b""


def _is_report(since: str) -> bool:
    """Tell whether it is a saved report of inspect, which knows sizes alone, and no image."""
    try:
        with Path(since).open("rb") as file:
            return file.read(1) == b"{"
    except OSError:
        return False


def _slimconda(*words: str, quiet: bool = False) -> int:
    return subprocess.run(_command(*words), check=False, stdout=subprocess.DEVNULL if quiet else None).returncode  # noqa: S603


def _captured(*words: str) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(_command(*words), check=False, stdout=subprocess.PIPE)  # noqa: S603


def _command(*words: str) -> list[str]:
    # -I: what lies in the checked-out folder is never imported.
    return [sys.executable, "-I", "-c", "from slimconda.cli import main; main()", *words]


def _findings(report: Path) -> int:
    return _counts(report).get("findings", 0)


def _cut(report: Path) -> str:
    """Return a line that says how many findings have no annotation, nothing where all have one."""
    counts = _counts(report)
    cut = sum(max(0, counts.get(severity.label, 0) - MOST_SHOWN) for severity in Severity)
    return (
        f"{cut} of these have no annotation: GitHub shows {MOST_SHOWN} of each severity, the first here." if cut else ""
    )


def _counts(report: Path) -> dict[str, int]:
    """Return what the summary of lint's JSON report counts; nothing where lint wrote none."""
    try:
        content: Any = json.loads(report.read_bytes())
    except FileNotFoundError:
        return {}
    counts: dict[str, int] = content["summary"]
    return counts


if __name__ == "__main__":
    main()
