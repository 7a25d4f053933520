"""Owns what is true on one path of a script: what it holds, how it ended, and how commands change that."""

from dataclasses import dataclass, field, replace
from enum import Enum

from slimconda.dockerfile.shell_options import Options

UNSURE = "unsure"
RACED = "raced"
DOUBTFUL = frozenset({UNSURE, RACED})


class Status(Enum):
    """How a statement ended; EXIT is the whole script's end, RETURN a function's, BREAK and CONTINUE a loop's."""

    OK = "ok"
    FAIL = "fail"
    EXIT_OK = "exit 0"
    EXIT_FAIL = "exit 1"
    RETURN_OK = "return 0"
    RETURN_FAIL = "return 1"
    BREAK = "break"
    CONTINUE = "continue"


@dataclass(frozen=True)
class Effect:
    """What a command does: resources that it makes or takes away, by key, each with the parts meant.

    `doubts` are those that it may take away or not, `touches` those that it was meant to take, whatever it took.
    `succeeds` says that it is taken not to fail.
    """

    makes: dict[int, frozenset[str]] = field(default_factory=dict)
    takes: dict[int, frozenset[str]] = field(default_factory=dict)
    doubts: frozenset[int] = frozenset()
    touches: frozenset[int] = frozenset()
    succeeds: bool = False


@dataclass(frozen=True)
class Held:
    """A resource on one path: the parts that are left, and whether something was meant to take them away."""

    key: int
    parts: frozenset[str]
    touched: bool = False


@dataclass(frozen=True)
class State:
    """What is held on a path, the shell's options, and the functions defined, by name and number."""

    held: frozenset[Held]
    options: Options
    functions: tuple[tuple[str, int], ...] = ()


Outcome = tuple[Status, State]


def ended(words: list[str], state: State, ok: Status, fail: Status) -> set[Outcome]:
    """Return how `exit` or `return` with these words may end; a variable may hold any status."""
    if words[:1] == ["0"]:
        return {(ok, state)}
    return {(ok, state), (fail, state)} if not words or words[0].startswith("$") else {(fail, state)}


def is_exit(outcome: Outcome) -> bool:
    """Tell whether nothing more of the script, the function or the loop's body runs."""
    return outcome[0] not in {Status.OK, Status.FAIL}


def left_subshell(outcomes: set[Outcome], before: State) -> set[Outcome]:
    """Return a subshell's outcomes as its caller sees them: an exit is a status, options and functions are gone."""
    seen = {Status.EXIT_OK: Status.OK, Status.EXIT_FAIL: Status.FAIL}
    seen |= {Status.RETURN_OK: Status.OK, Status.RETURN_FAIL: Status.FAIL}
    seen |= {Status.BREAK: Status.OK, Status.CONTINUE: Status.OK}
    return {
        (seen.get(status, status), replace(state, options=before.options, functions=before.functions))
        for status, state in outcomes
    }


def raced(state: State, before: set[State]) -> State:
    """Return the state after something in the background, which may be done or not."""
    known = frozenset(one for earlier in before for one in earlier.held)
    doubtful = frozenset(one if one in known else replace(one, parts=one.parts | {RACED}) for one in state.held | known)
    return replace(state, held=doubtful)


def doubted(one: Held) -> Held:
    """Return a resource that may be there or not."""
    return replace(one, parts=one.parts | {UNSURE})


def applied(effect: Effect, state: State) -> State:
    """Return the state after a command that succeeded."""
    held = {_taken(one, effect) for one in state.held if one.key not in effect.makes}
    held |= {Held(key, parts) for key, parts in effect.makes.items()}
    return replace(state, held=frozenset(held))


def _taken(one: Held, effect: Effect) -> Held:
    if one.key in effect.doubts:
        return doubted(one) if one.parts else one
    if one.key in effect.takes or one.key in effect.touches:
        left = one.parts - effect.takes.get(one.key, frozenset())
        touched = one.touched or one.key in effect.touches
        return replace(one, parts=left if left != {UNSURE} else frozenset(), touched=touched)
    return one
