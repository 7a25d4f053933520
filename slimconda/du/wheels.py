"""Owns what an environment's Python packages would take as wheels, where their own metadata tells it.

A pure wheel has the same files wherever it is installed; a compiled one bundles what conda has as packages of its own,
so nothing is claimed of it.
"""

import os
import re
from dataclasses import dataclass, replace

from slimconda.du.pip_records import PipRecord

SIZE = re.compile(r"[0-9]{1,15}")
# What an installer writes itself, not the wheel.
BY_INSTALLER = frozenset({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"})


@dataclass(frozen=True)
class Wheels:
    """The Python packages of an environment; `pure_bytes` of content the pure ones take in a venv, too.

    `compiled_bytes` is the content of the others here; what wheels of them take is not known. `unknown` packages have
    no WHEEL, which would tell the one from the other.
    """

    pure: int = 0
    pure_bytes: int = 0
    compiled: int = 0
    compiled_bytes: int = 0
    unknown: int = 0

    def with_one(self, record: PipRecord) -> "Wheels":
        """Return the sums with one more package."""
        if record.pure is None:
            return replace(self, unknown=self.unknown + 1)
        size = _content(record)
        if record.pure:
            return replace(self, pure=self.pure + 1, pure_bytes=self.pure_bytes + size)
        return replace(self, compiled=self.compiled + 1, compiled_bytes=self.compiled_bytes + size)


NO_WHEELS = Wheels()


def _content(record: PipRecord) -> int:
    """Return the bytes of the files in a RECORD without bytecode, and without what the installer wrote itself."""
    return sum(int(row[2]) for row in record.rows if len(row) == 3 and _is_of_wheel(row[0]) and SIZE.fullmatch(row[2]))


def _is_of_wheel(path: str) -> bool:
    folder, name = os.path.split(path)
    return not (name.endswith(".pyc") or (folder.endswith(".dist-info") and name in BY_INSTALLER))
