"""Owns the run of two commands by real shells, a stub in the place of each program: what both tell, whichever call fails."""

import os
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

TOOLS = "conda mamba micromamba pip apt-get sudo env nice python fix-permissions".split()
INSTALLER = "Miniconda3-x.sh"

# Tells its words, those of sudo and the like before it, and what its shell has left it: the folder, a variable, the umask.
# Calls are numbered, cleans aside; that of number FAIL fails, or the first nine where it is "all". No program is started.
STUB = """\
#!/bin/dash
name=${0#"$P"/bin/}
case "$name" in sudo|nice|env)
    BY="$BY$name "
    while :; do case "$1" in -*|*=*) BY="$BY$1 "; shift ;; *) break ;; esac; done
    export BY
    exec "$@" ;;
esac
case "$*" in *"clean "*) echo "clean $*" >> "$STATE/trace"; exit 0 ;; esac
read -r number < "$STATE/number"
number=$((number + 1))
echo $number > "$STATE/number"
echo "$BY$name $* in $PWD with $A by $(umask)" >> "$STATE/trace"
case "$FAIL" in "$number") exit 3 ;; all) [ $number -gt 9 ] || exit 3 ;; esac
case "$name $*" in pip*|apt*) ;; *install*|*create*|*update*|*" -b -p "*) echo "filled by $number" >> "$STATE/trace" ;; esac
ALSO
exit 0
"""
DRIVER = """\
status() {
    echo 0 > "$STATE/number"
    : > "$STATE/trace"
    rm -rf first sub log x
    mkdir sub
    "$@" < /dev/null > "$STATE/output" 2> /dev/null
    echo "status $?" >> "$STATE/trace"
    cat "$STATE/output" "$STATE/trace"
    printf '\\0'
}
calls=0
for FAIL in none 1 2 3 4 5 6 7 8 9 all; do
    export FAIL
    case $FAIL in [0-9]*) [ $FAIL -le $calls ] || continue ;; esac
    status BEFORE
    read -r number < "$STATE/number"
    [ $number -le $calls ] || calls=$number
    status AFTER
done
"""


def lay_out(folder: Path, *more: str, also: str = "") -> Path:
    """Put the stubs into a folder, those of more programs, too, each of which ends with a line of its own."""
    (folder / "bin").mkdir()
    for name in [*(f"bin/{tool}" for tool in (*TOOLS, *more)), INSTALLER]:
        (folder / name).write_text(STUB.replace("ALSO", also))
        (folder / name).chmod(0o755)
    return folder


def told(before: list[str], after: list[str], folder: Path) -> list[tuple[list[str], list[str]]]:
    """Run two commands under each failure; return for each all that both wrote and called, and at last their status."""
    driver = DRIVER.replace("BEFORE", shlex.join(before)).replace("AFTER", shlex.join(after))
    with tempfile.TemporaryDirectory(dir=folder) as state:
        (Path(state) / "two").write_text("1\n2\n")
        shutil.copy(folder / INSTALLER, state)
        path = f"{state}/first:{folder}/bin:{os.environ['PATH']}"
        variables = {"CONDA": "conda", "P": str(folder), "PATH": path, "STATE": state}
        command = ["timeout", "-s", "KILL", "30", "dash", "-c", driver]
        done = subprocess.run(command, env=variables, capture_output=True, check=True, cwd=state)
    found = [part.splitlines() for part in done.stdout.decode().split("\0")[:-1]]
    return list(zip(found[::2], found[1::2], strict=True))
