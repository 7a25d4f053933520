"""Dockerfiles that were made to break the tool: no traceback, little time, little memory."""

import resource
import subprocess
import sys

import pytest

SECONDS, BYTES = 20, 1 << 30
INPUTS = {
    "no FROM": "RUN conda install -y a\n",
    "only ARG": "ARG x\n",
    "only comments": "# conda\n",
    "only a byte order mark": "\ufeff",
    "nested substitutions": f"FROM a\nRUN conda {'${a:-' * 5000} <<E\nE\n",
    "many stages": "FROM a AS s0\n" + "".join(f"FROM s{n} AS s{n + 1}\nRUN conda install b\n" for n in range(1500)),
    "nested ONBUILD": f"FROM a\n{'ONBUILD ' * 5000}RUN conda install b\n",
    "nested if": f"FROM a\nRUN {'if a; then ' * 2000}conda install b{'; fi' * 2000}\n",
    "nested for": f"FROM a\nRUN {'for i in 1; do ' * 30}conda install b{'; done' * 30}\n",
    "nested parentheses": f"FROM a\nRUN {'(' * 5000}conda install b{')' * 5000}\n",
    "exploding ENV": "FROM a\nENV A0=x\n" + "".join(f"ENV A{n + 1}={f'$A{n}' * 4}\n" for n in range(40)) + "RUN conda install $A40\n",
    "backslashes in ENV": 'FROM a\nENV A="' + "\\" * 60 + "\nRUN conda install b\n",
    "backslashes in a flag": 'FROM a\nRUN --mount="' + "\\" * 60 + " conda install b\n",
    "blanks in a directive": "# a=b" + " " * 60000 + "c\nFROM a\n",
    "a long word before a heredoc": f"FROM a\nRUN conda {'x' * 1_000_000} <<E\nE\n",
    "a long package": f"FROM continuumio/miniconda3\nRUN conda install -y {'a' * 60_000}\n",
    "many redirects": f"FROM continuumio/miniconda3\nRUN conda install -y {'a>=1' * 15_000}\n",
    "many ENV": "FROM a\n" + "".join(f"ENV A{n}={n}\n" for n in range(10_000)) + "RUN conda install b\n",
    "many cleans": "FROM a\n" + "RUN conda install -y b\nRUN conda clean -ay\n" * 500,
    "many RUN": "FROM a\n" + "RUN conda install -y b\n" * 2000,
    "many pragmas": "FROM a\n" + "# slimconda: ignore[conda-cache-left]\nRUN conda install -y b\n" * 1000,
    "many installs": "FROM a\nRUN " + " && ".join(["conda install -y b"] * 3000) + "\n",
    "many functions": "FROM a\nRUN " + "; ".join(f"f{n}() {{ conda install b; }}" for n in range(1500)) + "; f1\n",
    "many escaped quotes": 'FROM a\nRUN bash -c "conda install ' + '\\" \\\n' * 5000 + 'b"\n',
    "many heredocs": "FROM a\nRUN conda " + " ".join(f"<<E{n}" for n in range(2000)) + "\n" + "".join(f"E{n}\n" for n in range(2000)),
    "many lines": "FROM a\nRUN conda install -y b" + " \\\n c" * 30_000 + "\n",
    "lone surrogates": "FROM a\nRUN conda install \udcff\udcfe\n",
}  # fmt: skip


@pytest.mark.parametrize("name", INPUTS)
def test_hostile_input(name: str) -> None:
    data = INPUTS[name].encode("utf-8", "surrogateescape")
    code = "import sys\nfrom slimconda.cli import main\nsys.argv = ['slimconda', 'fix', '-']\nmain()"
    run = subprocess.run(
        [sys.executable, "-c", code],
        input=data,
        capture_output=True,
        check=False,
        timeout=SECONDS * 3,
        preexec_fn=limit,
    )
    assert run.returncode in {0, 1, 2}, run.stderr[-500:]
    assert b"Traceback" not in run.stderr


def limit() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))
