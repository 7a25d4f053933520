"""Owns programs that run another program: which word of `sudo -E nice conda install` is the program itself."""

import re
from itertools import pairwise

from slimconda.dockerfile.shell import ShellCommand, Word

# The options that take their value as a word of their own, from each program's manual.
OPTIONS_WITH_VALUE = {
    "sudo": "-u -g -h -p -C -r -t -T -U -D -R --user --group --host --prompt --chdir",
    "env": "-u -C --unset --chdir",
    "nice": "-n --adjustment",
    "ionice": "-c -n -p --class --classdata",
    "timeout": "-k -s --kill-after --signal",
    "time": "-f -o --format --output",
    "stdbuf": "-i -o -e",
    "exec": "-a",
    "gosu": "",
    "su-exec": "",
    "command": "",
    "nohup": "",
    "builtin": "",
    "eatmydata": "",
    "doas": "-u -C",
    "runuser": "-u --user -g --group -s --shell",
    "setpriv": "--reuid --ruid --euid --regid --rgid --egid --groups --inh-caps --ambient-caps --bounding-set "
    "--securebits --pdeathsig --selinux-label --apparmor-profile",
    "chroot": "--userspec --groups",
    "flock": "-w --timeout -E",
    "xargs": "-a -d -E -I -L -n -P -s --arg-file --delimiter --max-args --max-procs",
    "xvfb-run": "-n -s -e -f -p -w --server-num --server-args --error-file --auth-file",
    "taskset": "",
    "setarch": "",
    "linux32": "",
    "linux64": "",
    "unbuffer": "",
}
CONDA_RUN = re.compile(r"conda|mamba|micromamba")
CONDA_RUN_OPTIONS = frozenset(
    ["-n", "--name", "-p", "--prefix", "-r", "--root-prefix", "--cwd", "-a", "--attach", "-e", "--env"]
)
SETS_ENVIRONMENT = frozenset(
    {"sudo", "doas", "gosu", "su-exec", "runuser", "setpriv", "chroot", "env", "conda", "mamba", "micromamba"}
)
OPERANDS = {"gosu": 1, "su-exec": 1, "timeout": 1, "chroot": 1, "flock": 1, "taskset": 1, "setarch": 1}
# The option that names the user, and who it is without it.
USER_OPTIONS = {
    "sudo": (re.compile(r"-u|--user"), "root"),
    "doas": (re.compile(r"-u"), "root"),
    "runuser": (re.compile(r"-u|--user"), "root"),
    "setpriv": (re.compile(r"--(?:re|e)uid"), None),
}
# Programs that run the text of their option -c as the user that they name, and their options with a value.
SUBSTITUTES = frozenset({"su", "runuser"})
SUBSTITUTE_VALUE = re.compile(
    r"-[a-zA-Z]*[csgGwC]|--(?:(?:session-)?command|shell|(?:supp-)?group|whitelist-environment)"
)
ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=.*", re.DOTALL)


def unwrapped(command: ShellCommand) -> int:
    """Return the index of the word that is the program which really runs; the number of words where there is none."""
    texts = [word.text for word in command.words]
    at = 0
    while (after := _after_wrapper(texts, at)) > at:
        at = after
    return min(at, len(texts))


def environment_words(command: ShellCommand, at: int) -> list[Word]:
    """Return the words before the program at index `at` that decide who runs it and where: sudo, env, conda run."""
    texts = [word.text for word in command.words]
    words: list[Word] = []
    start = 0
    while start < at and (after := _after_wrapper(texts, start)) > start:
        name = texts[start].rpartition("/")[2]
        words += command.words[start:after] if name in SETS_ENVIRONMENT else ()
        start = after
    return words


def account(command: ShellCommand, at: int) -> str | None:
    """Return the user that the wrappers before the program at index `at` switch to; None where there are none."""
    texts = [word.text for word in command.words[:at]]
    start, user = 0, None
    while start < at and (after := _after_wrapper(texts, start)) > start:
        name, words = texts[start].rpartition("/")[2], texts[start + 1 : after]
        if name in {"gosu", "su-exec"}:
            user = words[-1].partition(":")[0] if words else None
        elif name in USER_OPTIONS:
            user = _named_user(name, words) or user
        start = after
    return user


def inner_account(command: ShellCommand) -> str | None:
    """Return the user that the shell text which a command runs has; None where that is the command's own."""
    at = unwrapped(command)
    texts = [word.text for word in command.words[at:]]
    if not texts or texts[0].rpartition("/")[2] not in SUBSTITUTES:
        return account(command, at)
    operands = (
        text for before, text in pairwise(texts) if not text.startswith("-") and not SUBSTITUTE_VALUE.fullmatch(before)
    )
    return next(operands, "root")


def _named_user(name: str, words: list[str]) -> str | None:
    """Return the user that a wrapper's words name, the value beside its option or in one word with it."""
    option, default = USER_OPTIONS[name]
    for word, following in zip(words, [*words, ""][1:], strict=True):
        match = option.match(word)
        if match and match.end() == len(word):
            return following.removeprefix("#")
        if match:
            return word[match.end() :].removeprefix("=").removeprefix("#")
    return default


def _after_wrapper(texts: list[str], at: int) -> int:
    name = texts[at].rpartition("/")[2] if at < len(texts) else ""
    if CONDA_RUN.fullmatch(name):
        verb = _after_options(texts, at + 1, CONDA_RUN_OPTIONS)
        return _after_options(texts, verb + 1, CONDA_RUN_OPTIONS) if texts[verb : verb + 1] == ["run"] else at
    if name not in OPTIONS_WITH_VALUE or (name in SUBSTITUTES and not _runs_words(texts[at:])):
        return at
    at = _after_options(texts, at + 1, frozenset(OPTIONS_WITH_VALUE[name].split())) + OPERANDS.get(name, 0)
    while at < len(texts) and name in {"env", "sudo"} and ASSIGNMENT.fullmatch(texts[at]):
        at += 1
    return at


def _runs_words(texts: list[str]) -> bool:
    """Tell whether runuser runs a command out of its own words; without -u it is as su."""
    option, _ = USER_OPTIONS["runuser"]
    return any(option.match(text) for text in texts)


def _after_options(texts: list[str], at: int, with_value: frozenset[str]) -> int:
    while at < len(texts) and texts[at].startswith("-"):
        if texts[at] == "--":
            return at + 1
        at += 2 if texts[at] in with_value else 1
    return at
