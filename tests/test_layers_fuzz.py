"""Archives that were changed at random: a report or one clear line, in bounded time and memory."""

import os
import subprocess
import sys
from pathlib import Path

COUNT = os.environ.get("SLIMCONDA_FUZZ", "300")
SEED = os.environ.get("SLIMCONDA_FUZZ_SEED", "1")


def test_changed_archives() -> None:
    command = [sys.executable, "-m", "tests.fuzz", "--count", COUNT, "--seed", SEED]
    run = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True, check=False)
    assert run.returncode == 0, f"{run.stdout}{run.stderr}"
    read, refused = (
        int(run.stdout.splitlines()[-1].split(f" {word}")[0].split()[-1].replace(",", ""))
        for word in ("read", "refused")
    )
    assert read + refused == int(COUNT)
    assert min(read, refused) > int(COUNT) // 10  # the changes are neither harmless nor all hopeless
