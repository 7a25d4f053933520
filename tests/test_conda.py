"""What shell commands do with conda: tool, verb, environment, flags."""

import pytest

from slimconda.dockerfile.clean_flags import Kind
from slimconda.dockerfile.conda import CondaCommand, Tool, Verb, read_command
from slimconda.dockerfile.downloads import read_download
from slimconda.dockerfile.shell import ShellCommand, commands
from slimconda.dockerfile.shell_reader import parse_script
from slimconda.dockerfile.stages import DEFAULT_SHELL, Context
from slimconda.dockerfile.text import join, piece


def parsed(text: str) -> ShellCommand:
    return next(commands(parse_script(join([piece(text.encode(), 0)], 0)).body))


def read(text: str) -> CondaCommand:
    command = read_command(parsed(text), {"MY_CONDA": "/x/bin/conda"})
    assert command is not None
    return command


@pytest.mark.parametrize(
    ("text", "tool", "verb", "environment"),
    [
        ("conda install -y -n e numpy", Tool.CONDA, Verb.INSTALL, "e"),
        ("/opt/conda/bin/mamba create -p /env python", Tool.MAMBA, Verb.CREATE, "/env"),
        ("$CONDA_DIR/bin/conda update --name=e --all", Tool.CONDA, Verb.UPDATE, "e"),
        ('"${MAMBA_EXE}" upgrade -ne', Tool.MICROMAMBA, Verb.UPGRADE, "e"),
        ("$MY_CONDA env create -f e.yml --prefix /e", Tool.CONDA, Verb.ENV_CREATE, "/e"),
        ("micromamba -r /r env update -f e.yml", Tool.MICROMAMBA, Verb.ENV_UPDATE, None),
        ("conda clean -afy", Tool.CONDA, Verb.CLEAN, None),
        ("conda -q list", Tool.CONDA, Verb.OTHER, None),
        ("python3 -m conda install x", Tool.CONDA, Verb.INSTALL, None),
        ("sudo -u app -E nice -n 5 conda install x", Tool.CONDA, Verb.INSTALL, None),
        ("conda run --no-capture-output -n e mamba install x", Tool.MAMBA, Verb.INSTALL, None),
        ("bash Miniconda3-py39_4.9.2-Linux-x86_64.sh -bfp /opt/conda", Tool.INSTALLER, Verb.INSTALL, "/opt/conda"),
        ("./Miniforge3-Linux-x86_64.sh -b", Tool.INSTALLER, Verb.INSTALL, None),
        ("sh /tmp/Mambaforge.sh -b -p $D", Tool.INSTALLER, Verb.INSTALL, "$D"),
        ("bash Anaconda3-2024.10-1-Linux-x86_64.sh -b -p /a", Tool.INSTALLER, Verb.INSTALL, "/a"),
    ],
)
def test_tool_verb_and_environment(text: str, tool: Tool, verb: Verb, environment: str | None) -> None:
    command = read(text)
    assert (command.tool, command.verb, command.environment) == (tool, verb, environment)


@pytest.mark.parametrize(
    "text", ["echo conda install", "anaconda login", "conda-build .", "$TOOL install x", "bash x.sh"]
)
def test_what_is_no_conda(text: str) -> None:
    assert read_command(parsed(text), {}) is None


@pytest.mark.parametrize(
    ("flags", "kinds"),
    [
        ("--all --yes", {Kind.ARCHIVES, Kind.INDEX, Kind.EXTRACTED}),
        ("-afy", {*Kind}),
        ("-tipsy", {Kind.ARCHIVES, Kind.INDEX, Kind.EXTRACTED}),
        ("-tp", {Kind.ARCHIVES, Kind.EXTRACTED}),
        ("--tarb --index", {Kind.ARCHIVES, Kind.INDEX}),
        ("--force", {*Kind}),
        ("-a --dry-run", set()),
        ("--unused-only", set()),
        ("-y", set()),
    ],
)
def test_clean_flags(flags: str, kinds: set[Kind]) -> None:
    clean = read(f"conda clean {flags}").clean
    assert clean is not None
    assert clean.kinds == kinds


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("wget -q https://r/Miniconda3-latest-Linux-x86_64.sh", "Miniconda3-latest-Linux-x86_64.sh"),
        ("wget https://r/Miniconda3.sh -O /tmp/c.sh", "/tmp/c.sh"),
        ("wget -qO/tmp/c.sh https://r/Miniconda3.sh", "/tmp/c.sh"),
        ("wget -P /tmp https://r/Miniforge3.sh?x=1", "/tmp/Miniforge3.sh"),
        ("curl -fsSLo ~/miniconda.sh $URL/x", "~/miniconda.sh"),
        ("curl -LO https://r/Mambaforge-$(uname)-$(uname -m).sh", "Mambaforge-$(uname)-$(uname -m).sh"),
        ("curl -sL https://r/Miniconda3.sh > c.sh", "c.sh"),
        ("sudo wget --output-document=m.sh https://r/Anaconda3-5.sh", "m.sh"),
        ("wget -qO- https://r/Miniconda3.sh", None),
        ("curl -L https://r/Miniconda3.sh", None),
        ("wget https://r/data.sh", None),
    ],
)
def test_downloads(text: str, path: str | None) -> None:
    download = read_download(parsed(text), Context({}, DEFAULT_SHELL, None))
    assert (download.path if download else None) == path


@pytest.mark.parametrize(
    ("workdir", "text", "path"),
    [
        ("/", "wget https://r/Miniconda3.sh", "/Miniconda3.sh"),
        ("/home", "wget https://r/Miniconda3.sh", "/home/Miniconda3.sh"),
        ("/root", "wget https://r/Miniconda3.sh", "~/Miniconda3.sh"),
        ("/srv", "wget -O ../m.sh https://r/Miniconda3.sh", "/m.sh"),
        ("/srv", 'curl -o "$F" https://r/Miniconda3.sh', "/opt/m.sh"),
        ("/srv", 'curl -o "$G" https://r/Miniconda3.sh', "$G"),
        (None, "wget -P . https://r/$NAME", "./Miniforge3.sh"),
    ],
)
def test_downloads_lie_where_the_context_says(workdir: str | None, text: str, path: str) -> None:
    context = Context({"F": "/opt/m.sh", "NAME": "Miniforge3.sh"}, DEFAULT_SHELL, None, workdir=workdir)
    download = read_download(parsed(text), context)
    assert download is not None
    assert download.path == path
