"""Owns what lint sets aside: findings from before a change, those in a baseline, and those that get a pragma."""

import re
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from slimconda.cli.inputs import STDIN, is_compose
from slimconda.cli.judging import Judged
from slimconda.cli.output import note
from slimconda.errors import ConfigurationError
from slimconda.files import replace_file, write_file
from slimconda.findings import join_reports

NO_REASON = "found when the baseline was made"


@dataclass(frozen=True)
class Aside:
    """What the options say of findings that are not to be shown."""

    changed_since: str | None = None
    baseline: Path | None = None
    update_baseline: bool = False
    add_ignores: bool = False
    reason: str | None = None

    def check(self) -> None:
        """Raise ConfigurationError for options that do not go together."""
        if self.update_baseline and (self.baseline is None or self.changed_since):
            raise ConfigurationError("--update-baseline needs --baseline FILE, and no --changed-since")
        if self.add_ignores and not self.reason:
            raise ConfigurationError("--add-ignores needs --reason TEXT")
        if self.reason and not re.fullmatch(r"\S(?:.*\S)?", self.reason):
            raise ConfigurationError("--reason must be a line of text")

    def apply(self, judged: list[Judged]) -> list[Judged]:
        """Return the files with what is left to show; writes the baseline, or the pragmas, where asked to."""
        if self.changed_since and judged:
            judged = _introduced(judged, self.changed_since)
        if self.baseline:
            judged = self._accepted(judged, self.baseline)
        if self.add_ignores and self.reason:
            judged = [_silenced(one, self.reason) for one in judged]
        return judged

    def _accepted(self, judged: list[Judged], path: Path) -> list[Judged]:
        from slimconda.baseline import Baseline, read_baseline

        baseline = Baseline({}) if self.update_baseline and not path.exists() else read_baseline(path)
        report = join_reports([one.report for one in judged])
        today = datetime.now().astimezone().date()
        if self.update_baseline:
            baseline = baseline.updated(report, self.reason or NO_REASON)
            write_file(path, baseline.render())
            note(f"{path}: {len(baseline.entries)} findings accepted")
        elif not self.changed_since:
            for complaint in baseline.complaints(report, today):
                note(f"{path}: {complaint}")
        return [replace(one, report=baseline.accept(one.report, today)) for one in judged]


def _introduced(judged: list[Judged], reference: str) -> list[Judged]:
    from slimconda.changes import change_since
    from slimconda.introduced import introduced

    change = change_since(reference, Path.cwd())
    return [
        one if one.name == STDIN else replace(one, report=introduced(one.report, change, one.config)) for one in judged
    ]


def _silenced(one: Judged, reason: str) -> Judged:
    """Return the file as if it had been judged with its new pragmas."""
    from slimconda.ignores import add_ignores
    from slimconda.linter import lint

    if not one.report.open or one.name == STDIN or is_compose(one.name):
        return one
    data, count = add_ignores(one.report, one.config, reason)
    if count:
        replace_file(Path(one.name), one.report.sources[one.name].data, data)
        note(f"{one.name}: {count} findings ignored by pragmas")
    after = lint(replace(one.report.sources[one.name], data=data), one.config)
    return replace(one, report=replace(after, locations=one.report.locations))
