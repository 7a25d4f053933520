"""What a person sees while something takes long: a bar that fits the terminal and goes away, lines in logs."""

from __future__ import annotations

import fcntl
import gzip
import os
import pty
import random
import re
import select
import struct
import subprocess
import sys
import termios
import time
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from slimconda.cli import progress
from tests.images import docker_new, docker_old, layer_tar, members_tar, oci_files

if TYPE_CHECKING:
    from pathlib import Path

    from docker import DockerClient

# Everything is shown at once, and each time; else as the command does it.
HASTY = (
    "import slimconda.cli.progress as p\np.AFTER = 0\np.EVERY = {True: 0, False: 0}\n"
    "from slimconda.cli import main\nmain()"
)
NOISE = random.Random(1).randbytes(20_000_000)
LAYERS = [members_tar([("a", NOISE)]), members_tar([("b", NOISE)])]
FRAME = re.compile(
    r"(?P<title>.*?) \[(?P<full>#*)(?P<rest>-*)\] +(?P<done>[\d,]+) of (?P<total>.+) MB +(?P<percent>\d+) %"
)


def packed(data: bytes) -> bytes:
    return gzip.compress(data, 0, mtime=0)


def on_terminal(*words: str, columns: int = 80, cwd: Path, code: str = HASTY, stdin: bytes | None = None) -> list[str]:
    """Return what stood on the terminal's last line each time, the last of all when the command had ended."""
    terminal, end = pty.openpty()
    fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    read: list[bytes] = []
    reader = Thread(target=lambda: read.extend(iter(lambda: received(terminal), b"")))
    reader.start()
    command = [sys.executable, "-c", code, *words]
    subprocess.run(command, cwd=cwd, check=False, stderr=end, stdout=subprocess.DEVNULL, input=stdin, timeout=100)
    os.close(end)
    reader.join()
    os.close(terminal)
    return list(screens(b"".join(read).decode(), columns))


def received(terminal: int) -> bytes:
    try:
        return os.read(terminal, 1 << 16)
    except OSError:  # how a terminal says that nobody writes to it any more
        return b""


def screens(text: str, columns: int) -> list[str]:
    """Return the line after each carriage return, as a terminal that knows nothing else shows it."""
    line, shown = [" "] * columns, []
    assert "\n" not in text
    *frames, last = text.split("\r")
    assert last == ""
    for frame in frames:
        assert len(frame) < columns, "it wraps"
        line[: len(frame)] = frame
        shown.append("".join(line).rstrip())
    return shown


def bars(shown: list[str]) -> list[re.Match[str]]:
    """Return the bars that were shown, after a look that the terminal is empty at the end."""
    assert shown[-1] == ""
    known = [line for line in shown[:-1] if not line.endswith(" ...")]  # before the end is known
    found = [FRAME.fullmatch(line) for line in known]
    assert all(found), shown
    return [match for match in found if match]


@pytest.mark.parametrize("form", ["plain", "gzip", "gzip outside", "folder", "the same layer twice"])
def test_a_bar_grows_from_nothing_to_all(form: str, tmp_path: Path) -> None:
    layers = [LAYERS[0], LAYERS[0]] if form == "the same layer twice" else LAYERS
    if form == "folder":
        for name, data in oci_files(layers).items():
            (tmp_path / "a" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "a" / name).write_bytes(data)
    else:
        data = docker_new(layers, pack=packed) if form == "gzip" else docker_old(layers)
        (tmp_path / "a").write_bytes(packed(data) if form == "gzip outside" else data)
    found = bars(on_terminal("inspect", "--no-cache", "./a", cwd=tmp_path))
    assert {match["title"] for match in found} == {"reading ./a"}
    total = 20 if form == "the same layer twice" else 40
    assert {match["total"] for match in found} == {str(total)}
    assert len({match.end("rest") for match in found}) == 1, "the bar's length changes"
    done = [int(match["done"]) for match in found]
    assert done == sorted(done)
    assert done[-1] >= (32 if form == "gzip outside" else total)
    for match in found:
        length = len(match["full"] + match["rest"])
        assert length >= 10
        assert abs(len(match["full"]) - length * int(match["percent"]) / 100) <= 1
        assert abs(int(match["percent"]) - 100 * int(match["done"]) / total) <= 2


def test_what_is_kept_is_not_waited_for(tmp_path: Path) -> None:
    """Of two layers one is known by its digest, so that the bar goes to the other one's end."""
    cache = f"--cache={tmp_path / 'cache'}"
    (tmp_path / "a").write_bytes(docker_new(LAYERS[:1], pack=packed))
    (tmp_path / "b").write_bytes(docker_new(LAYERS, pack=packed))
    assert bars(on_terminal("inspect", cache, "./a", cwd=tmp_path))[-1]["total"] == "20"
    last = bars(on_terminal("inspect", cache, "./b", cwd=tmp_path))[-1]
    assert (last["done"], last["total"], last["percent"]) == ("20", "20", "100")


def test_a_pipe_has_no_end_to_be_told(tmp_path: Path) -> None:
    shown = on_terminal("inspect", "--no-cache", "-", cwd=tmp_path, stdin=docker_old(LAYERS))
    assert shown[-1] == ""
    assert shown[-2] == "reading -: 40 MB"
    shown = on_terminal("inspect", "--no-cache", "-", columns=8, cwd=tmp_path, stdin=docker_old(LAYERS))
    assert shown[-2:] == ["40 MB", ""]


@pytest.mark.parametrize("columns", [0, 20, 40, 50, 80, 200])
@pytest.mark.parametrize("name", ["a", "a" * 200, "\u5bff" * 60, "a\r\x1b[2Jb"])
def test_it_fits_the_terminal(name: str, columns: int, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(docker_old(LAYERS[:1]))
    shown = on_terminal("inspect", "--no-cache", f"./{name}", columns=columns, cwd=tmp_path) if columns else []
    for line in shown:
        assert sum(1 + (not character.isascii()) for character in line) < min(columns, 81)
        assert line.isprintable()
    assert not shown or any("20 of 20 MB" in line for line in shown)


def test_lint_has_a_bar_of_files(tmp_path: Path) -> None:
    for number in range(30):
        (tmp_path / f"{number}.Dockerfile").write_text("FROM a\nRUN b\n")
    shown = on_terminal("lint", cwd=tmp_path)
    assert shown[-1] == ""
    assert re.fullmatch(r"linting \[#{30}\] 30 of 30 files 100 %", shown[-2])


def test_an_error_stands_on_an_empty_line(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(docker_old([LAYERS[0], LAYERS[1][:-20_000]]))
    terminal, end = pty.openpty()
    command = [sys.executable, "-c", HASTY, "inspect", "--no-cache", "./a"]
    run = subprocess.run(command, cwd=tmp_path, check=False, stderr=end, stdout=subprocess.DEVNULL)
    text = received(terminal).decode()
    os.close(end)
    os.close(terminal)
    assert run.returncode == 2
    assert re.search(r"\r {40,}\rslimconda: ./a: layer [^\r]*\r\n\Z", text)


def test_logs_have_lines(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(docker_old(LAYERS))
    command = [sys.executable, "-c", HASTY, "inspect", "--no-cache", "./a"]
    run = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    assert run.stderr.decode().splitlines()[-1] == "reading ./a: 40 of 40 MB"


def test_nothing_is_shown_of_what_is_quick(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(docker_old([layer_tar([{"file": "a", "size": 1}])]))
    code = "from slimconda.cli import main\nmain()"
    assert on_terminal("inspect", "--no-cache", "./a", cwd=tmp_path, code=code) == []


def test_waiting_for_the_first_byte_is_shown(tmp_path: Path) -> None:
    """A daemon lays a whole image aside before it sends any of it."""
    os.mkfifo(tmp_path / "a")
    terminal, end = pty.openpty()
    code = "from slimconda.cli import main\nmain()"
    with subprocess.Popen(
        [sys.executable, "-c", code, "inspect", "--no-cache", "./a"],
        cwd=tmp_path,
        stderr=end,
        stdout=subprocess.DEVNULL,
    ) as waiting:
        shown, _, _ = select.select([terminal], [], [], 60)
        assert shown
        assert received(terminal) == b"reading ./a ...\r"
        (tmp_path / "a").write_bytes(b"")
        assert waiting.wait(60) == 2
    os.close(end)
    os.close(terminal)


@pytest.mark.daemon
@pytest.mark.usefixtures("docker_client")
def test_of_a_daemon_the_end_is_an_estimate(base_image: str, docker_client: DockerClient, tmp_path: Path) -> None:
    size = docker_client.images.get(base_image).attrs["Size"]
    found = bars(on_terminal("inspect", "--no-cache", base_image, cwd=tmp_path))
    assert {match["total"] for match in found} == {f"about {size / 1e6:,.0f}"}
    assert found[-1]["percent"] == "99"
    assert size <= int(found[-1]["done"].replace(",", "")) * 1e6 + 1e6 <= 1.1 * size


@pytest.mark.parametrize(
    ("terminal", "shown"), [(True, "linting: 9 files\rlinting: 10 files\r" + 17 * " " + "\r"), (False, "")]
)
def test_progress_is_wiped_from_a_terminal_without_escapes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], terminal: bool, shown: str
) -> None:
    seconds = iter([0.0, 0.5, 2.0, 2.1, 3.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(seconds))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    with progress.show_progress("linting", progress.FILES, in_logs=False) as show:
        for done in (1, 9, 9, 10):
            show(done)
    assert capsys.readouterr().err == shown
