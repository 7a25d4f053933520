"""Owns how Dockerfiles are judged one by one: by several processes, from a cache, in the order asked."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from slimconda.cli.inputs import STDIN, Asked, open_source
from slimconda.config import Config
from slimconda.errors import InputError
from slimconda.findings import Report

FILES_PER_PROCESS = 100  # below it a second process costs more time than it saves


@dataclass(frozen=True)
class Judged:
    """What became of one file; `error` says why it has no report."""

    name: str
    report: Report = field(default_factory=lambda: Report(()))
    config: Config = field(default_factory=Config)
    error: InputError | None = None


@dataclass(frozen=True)
class Judge:
    """How to judge a file by its name; it can be sent to another process."""

    asked: Asked
    cache: Path | None = None

    def __call__(self, name: str) -> Judged:
        """Return what became of a file; raises ConfigurationError."""
        config = self.asked.config(name)
        try:
            return Judged(name, self._report(name, config), config)
        except InputError as error:
            return Judged(name, error=error)

    def _report(self, name: str, config: Config) -> Report:
        from slimconda.judge import is_compose, is_environment, lint_file

        source = open_source(name)
        if self.cache is None or is_environment(name, source.data) or is_compose(name):
            return lint_file(source, config)
        from slimconda.cache import cached

        return cached(self.cache, source, config, lint_file)


def judge_all(names: list[str], judge: Judge, jobs: int | None) -> Iterator[Judged]:
    """Yield what became of each file in the order of the names, whichever process is ready first."""
    count = jobs or min(os.cpu_count() or 1, len(names) // FILES_PER_PROCESS)
    if count < 2 or STDIN in names:
        yield from map(judge, names)
        return
    from concurrent.futures import ProcessPoolExecutor

    with ProcessPoolExecutor(min(count, len(names))) as pool:
        yield from pool.map(judge, names, chunksize=max(1, min(25, len(names) // count)))
