"""Owns the order of execution: which resources a script still holds when it ends well, over all of its paths.

A resource is what one command makes (a package cache filled, a file downloaded) and later ones may remove, in parts.
A command may succeed or fail; a clean is taken to succeed. What fails the script does not count: its layer never is.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from slimconda.dockerfile.paths import (
    Effect,
    Held,
    Outcome,
    State,
    Status,
    applied,
    ended,
    is_exit,
    left_subshell,
    raced,
)
from slimconda.dockerfile.shell import (
    Case,
    Chain,
    Function,
    Group,
    If,
    Loop,
    Opaque,
    Pipeline,
    Script,
    Sequence,
    ShellCommand,
    Statement,
    Test,
    commands,
)
from slimconda.dockerfile.shell_options import options_after

MOST_STATES = 200
MOST_STEPS = 5_000
MOST_RESOURCES = 64
DEEPEST_CALL = 5
HARMLESS_TRAP = re.compile(r"(?!.*(?:clean|conda|mamba|pkgs|cache|exit)).*")
ALWAYS_SUCCEED = frozenset({"true", ":", "echo", "printf", "export", "umask", "alias", "unset", "hash", ""})


Effects = Callable[[ShellCommand], Effect]


class TooComplexError(Exception):
    """There are more paths than are worth following."""


@dataclass(frozen=True)
class Ends:
    """What is held at each successful end of a script, and under which errexit each command ran, by its identity."""

    held: tuple[frozenset[Held], ...]
    errexit: dict[int, frozenset[bool]]


def ends(script: Script, effects: Effects) -> Ends | None:
    """Return how a script may end well; None where it is too complex or not understood."""
    if script.faulty:
        return None
    walk = _Walk(effects)
    try:
        outcomes = walk.run(script.body, {State(frozenset(), script.options)}, guarded=False)
    except (TooComplexError, RecursionError):
        return None
    good = {Status.OK, Status.EXIT_OK, Status.RETURN_OK}
    errexit = {command: frozenset(seen) for command, seen in walk.errexit.items()}
    return Ends(tuple(state.held for status, state in outcomes if status in good), errexit)


class _Walk:
    """Follows all paths of a script; `guarded` is where errexit ignores a failure."""

    def __init__(self, effects: Effects) -> None:
        self.effects = effects
        self.depth = 0
        self.steps = 0
        self.functions: list[Statement] = []
        self.errexit: dict[int, set[bool]] = {}

    def run(self, statement: Statement, states: Iterable[State], *, guarded: bool) -> set[Outcome]:
        outcomes: set[Outcome] = set()
        for state in states:
            outcomes |= self.step(statement, state, guarded=guarded)
        return bounded(outcomes)

    def step(self, statement: Statement, state: State, *, guarded: bool) -> set[Outcome]:
        self.steps += 1
        if self.steps > MOST_STEPS or len(state.held) > MOST_RESOURCES or isinstance(statement, Opaque):
            raise TooComplexError
        match statement:
            case ShellCommand():
                return self.stopped(self.command(statement, state, guarded=guarded), guarded=guarded)
            case Sequence():
                return self.sequence(statement, state, guarded=guarded)
            case Chain():
                return self.chain(statement, state, guarded=guarded)
            case Pipeline():
                return self.stopped(
                    self.pipeline(statement, state, guarded=guarded), guarded=guarded or statement.negated
                )
            case Group(body, subshell):
                outcomes = self.run(body, {state}, guarded=guarded)
                return self.stopped(left_subshell(outcomes, state), guarded=guarded) if subshell else outcomes
            case If():
                return self.conditional(statement, state, guarded=guarded)
            case Loop():
                return self.loop(statement, state, guarded=guarded)
            case Case(arms, exhaustive):
                outcomes = set() if exhaustive else {(Status.OK, state)}
                return outcomes.union(*(self.run(arm, {state}, guarded=guarded) for arm in arms))
            case Function(name, body):
                self.functions.append(body)
                known = (*state.functions, (name, len(self.functions) - 1))
                return {(Status.OK, replace(state, functions=known))}
            case Test():
                return self.stopped({(Status.OK, state), (Status.FAIL, state)}, guarded=guarded)
        return set()

    def stopped(self, outcomes: set[Outcome], *, guarded: bool) -> set[Outcome]:
        """Turn failures into ends of the script where errexit is on and nothing guards them."""
        if guarded:
            return outcomes
        return {
            (Status.EXIT_FAIL if status is Status.FAIL and state.options.errexit else status, state)
            for status, state in outcomes
        }

    def sequence(self, sequence: Sequence, state: State, *, guarded: bool) -> set[Outcome]:
        going: set[Outcome] = {(Status.OK, state)}
        done: set[Outcome] = set()
        for number, item in enumerate(sequence.items):
            states = {after for _, after in going}
            outcomes = self.run(item, states, guarded=guarded)
            if number in sequence.background and self.awaited(sequence, number):
                outcomes = {(Status.OK, after) for _, after in left_subshell(outcomes, state)}
            elif number in sequence.background:
                outcomes = {(Status.OK, raced(after, states)) for _, after in outcomes}
            done |= {outcome for outcome in outcomes if is_exit(outcome)}
            going = {outcome for outcome in outcomes if not is_exit(outcome)}
        return done | going

    def awaited(self, sequence: Sequence, number: int) -> bool:
        """Tell whether `wait` follows something in the background before anything else takes resources away."""
        for item in sequence.items[number + 1 :]:
            first = item.items[0] if isinstance(item, Chain) else item
            if isinstance(first, ShellCommand) and first.name == "wait":
                return True
            effects = [self.effects(command) for command in commands(item)]
            self.steps += len(effects)  # What looks ahead for each of many jobs is as long as the walk itself.
            if any(effect.takes or effect.doubts for effect in effects):
                return False
        return False

    def chain(self, chain: Chain, state: State, *, guarded: bool) -> set[Outcome]:
        last = len(chain.items) - 1
        outcomes = self.run(chain.items[0], {state}, guarded=guarded or last > 0)
        for number, operator in enumerate(chain.operators, start=1):
            wanted = Status.OK if operator == "&&" else Status.FAIL
            states = {after for status, after in outcomes if status is wanted}
            outcomes = {outcome for outcome in outcomes if outcome[0] is not wanted}
            outcomes |= self.run(chain.items[number], states, guarded=guarded or number < last)
        return outcomes

    def pipeline(self, pipeline: Pipeline, state: State, *, guarded: bool) -> set[Outcome]:
        """Run the parts one after the other; the last one's status counts, under pipefail each one's."""
        outcomes: set[Outcome] = {(Status.OK, state)}
        for number, item in enumerate(pipeline.items, start=1):
            latest: set[Outcome] = set()
            for before, after in outcomes:
                ran = left_subshell(self.step(item, after, guarded=guarded or pipeline.negated), state)
                ran |= (
                    {(Status.FAIL, done) for _, done in ran}
                    if number < len(pipeline.items) and self.breaks(item)
                    else set()
                )
                failed = state.options.pipefail and before is Status.FAIL
                latest |= {(Status.FAIL if failed else status, done) for status, done in ran}
            outcomes = bounded(latest)
        if pipeline.negated:
            flipped = {Status.OK: Status.FAIL, Status.FAIL: Status.OK}
            outcomes = {(flipped[status], after) for status, after in outcomes}
        return outcomes

    def breaks(self, writer: Statement) -> bool:
        """Tell whether a pipe's part may be killed after its work, because the next one no longer reads (SIGPIPE)."""
        return any(
            command.name not in ALWAYS_SUCCEED and not self.effects(command).succeeds for command in commands(writer)
        )

    def conditional(self, conditional: If, state: State, *, guarded: bool) -> set[Outcome]:
        done: set[Outcome] = set()
        states = {state}
        for condition, body in conditional.branches:
            outcomes = self.run(condition, states, guarded=True)
            done |= {outcome for outcome in outcomes if is_exit(outcome)}
            done |= self.run(body, {after for status, after in outcomes if status is Status.OK}, guarded=guarded)
            states = {after for status, after in outcomes if status is Status.FAIL}
        if conditional.otherwise:
            return done | self.run(conditional.otherwise, states, guarded=guarded)
        return done | {(Status.OK, after) for after in states}

    def loop(self, loop: Loop, state: State, *, guarded: bool) -> set[Outcome]:
        """Run a loop for up to two rounds, which shows all that its rounds may do to each other."""
        going: set[Outcome] = {(Status.OK, state)}
        done: set[Outcome] = set() if loop.runs or loop.condition else set(going)
        for last in (False, False, True):
            if loop.condition:
                ended, going = self.tested(loop, loop.condition, going)
                done |= ended
            if last:
                break
            latest = self.run(loop.body, {after for _, after in going}, guarded=guarded)
            done |= {(Status.OK, after) for status, after in latest if status is Status.BREAK}
            latest = {(Status.OK if status is Status.CONTINUE else status, after) for status, after in latest}
            done |= {outcome for outcome in latest if is_exit(outcome) and outcome[0] is not Status.BREAK}
            going = {outcome for outcome in latest if not is_exit(outcome)}
            done |= set() if loop.condition else going
        return done

    def tested(self, loop: Loop, condition: Sequence, going: set[Outcome]) -> tuple[set[Outcome], set[Outcome]]:
        """Return how a loop ends at its condition, by the status of the round before, and how it goes on."""
        stop = Status.OK if loop.until else Status.FAIL
        ended: set[Outcome] = set()
        on: set[Outcome] = set()
        for before, state in going:
            for status, after in self.run(condition, {state}, guarded=True):
                if is_exit((status, after)):
                    ended.add((status, after))
                elif status is stop:
                    ended.add((before, after))
                else:
                    on.add((before, after))
        return ended, on

    def command(self, command: ShellCommand, state: State, *, guarded: bool) -> set[Outcome]:
        self.errexit.setdefault(id(command), set()).add(state.options.errexit)
        outcomes = self.substituted(command, state)
        if command.substitutions and not command.words:
            return outcomes
        states = {after for _, after in outcomes}
        return set[Outcome]().union(*(self.called(command, after, guarded=guarded) for after in states))

    def substituted(self, command: ShellCommand, state: State) -> set[Outcome]:
        """Run what `$( )` in a command's words runs; only a bare assignment passes its status on.

        dash keeps errexit there, bash switches it off.
        """
        outcomes: set[Outcome] = {(Status.OK, state)}
        off = replace(state.options, errexit=False)
        for part in command.substitutions:
            inside = {replace(after, options=options) for _, after in outcomes for options in (off, state.options)}
            outcomes = left_subshell(self.run(part, inside, guarded=False), state)
        return outcomes

    def called(self, command: ShellCommand, state: State, *, guarded: bool) -> set[Outcome]:
        function = dict(state.functions).get(command.words[0].text) if command.words else None
        if function is not None:
            return self.call(self.functions[function], state, guarded=guarded)
        if command.inner is not None:
            if command.name == "eval":
                return self.run(command.inner.body, {state}, guarded=guarded)
            return self.inner(command.inner, state)
        builtin = self.builtin(command, state)
        if builtin is not None:
            return builtin
        effect = self.effects(command)
        after = applied(effect, state)
        certain = effect.succeeds or command.name in ALWAYS_SUCCEED
        return {(Status.OK, after)} if certain else {(Status.OK, after), (Status.FAIL, state)}

    def call(self, body: Statement, state: State, *, guarded: bool) -> set[Outcome]:
        if self.depth >= DEEPEST_CALL:
            raise TooComplexError
        self.depth += 1
        outcomes = self.run(body, {state}, guarded=guarded)
        self.depth -= 1
        seen = {Status.RETURN_OK: Status.OK, Status.RETURN_FAIL: Status.FAIL}
        return {(seen.get(status, status), after) for status, after in outcomes}

    def inner(self, script: Script, state: State) -> set[Outcome]:
        if script.faulty:
            raise TooComplexError
        inside = replace(state, options=script.options)
        return left_subshell(self.run(script.body, {inside}, guarded=False), state)

    def builtin(self, command: ShellCommand, state: State) -> set[Outcome] | None:
        texts = [word.text for word in command.words]
        match texts[:1]:
            case ["exit"]:
                return ended(texts[1:], state, Status.EXIT_OK, Status.EXIT_FAIL)
            case ["return"]:
                return ended(texts[1:], state, Status.RETURN_OK, Status.RETURN_FAIL)
            case ["false"]:
                return {(Status.FAIL, state)}
            case ["set"] if any(text.startswith("-") and "n" in text.partition("o")[0] for text in texts[1:]):
                return {(Status.EXIT_OK, state)}
            case ["set"]:
                return {(Status.OK, replace(state, options=options_after(texts[1:], state.options)))}
            case ["exec"] if len(texts) > 1:
                after = applied(self.effects(command), state)
                return {(Status.EXIT_OK, after), (Status.EXIT_FAIL, state)}
            case ["break"] if len(texts) == 1:
                return {(Status.BREAK, state)}
            case ["continue"] if len(texts) == 1:
                return {(Status.CONTINUE, state)}
            case ["trap"] if HARMLESS_TRAP.fullmatch(" ".join(texts)):
                return {(Status.OK, state)}
            case ["trap"] | ["break"] | ["continue"]:
                raise TooComplexError
        return None


def bounded(outcomes: set[Outcome]) -> set[Outcome]:
    """Return the outcomes; raises TooComplexError where there are too many."""
    if len(outcomes) > MOST_STATES:
        raise TooComplexError
    return outcomes
