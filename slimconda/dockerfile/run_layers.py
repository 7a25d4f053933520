"""Owns the reading of one RUN: numbers what its commands make, walks its paths, and judges what its layer keeps."""

from collections.abc import Callable, Iterator

from slimconda.dockerfile.caches import Fetched, Install, Kept, Missed, Place, PythonFill, RunLayer, Verdict
from slimconda.dockerfile.calls import Calls, Names, read_calls
from slimconda.dockerfile.clean_flags import Kind
from slimconda.dockerfile.cleanups import NOTHING, emptied, is_opaque, keeps_out, mount_targets
from slimconda.dockerfile.conda import CondaCommand, Tool, Verb
from slimconda.dockerfile.downloads import Download, removes
from slimconda.dockerfile.fills import Miss, cleaned_by, conda_cache, may_be_off, missed_by, own_context, python_cache
from slimconda.dockerfile.flow import Ends, ends
from slimconda.dockerfile.paths import DOUBTFUL, RACED, UNSURE, Effect, Held
from slimconda.dockerfile.scripts import RunScript, script_of
from slimconda.dockerfile.shell import ShellCommand
from slimconda.dockerfile.stages import Context
from slimconda.dockerfile.stores import FILE, Cache, Store, cache
from slimconda.dockerfile.trims import Trim, read_trim
from slimconda.source import Source

MOST_CACHES = 100  # whose cleans are looked for in a RUN whose paths are not followed: all commands for each
RunsPip = Callable[[CondaCommand, Context], bool]


def run_layer(place: Place, names: Names, source: Source, runs_pip: RunsPip) -> RunLayer | None:
    """Return what a RUN's layer keeps; None where it is no RUN, or no shell that we read runs it.

    `runs_pip` tells whether a call reads an environment file with a `pip:` part.
    """
    run = script_of(place.instruction, place.context.shell, source)
    if run is None:
        return None
    return _Reader(place, read_calls(run.script, place.context, names), run, runs_pip).layer()


def _part(key: int) -> int:
    """Return the number of what the pip part of a command's environment file fills, beside the command's own."""
    return -1 - key


class _Reader:
    """Reads one RUN: numbers what its commands make, walks its paths, and judges what is left."""

    def __init__(self, place: Place, calls: Calls, run: RunScript, runs_pip: RunsPip) -> None:
        self.place, self.instruction, self.calls, self.run = place, place.instruction, calls, run
        self.caches = {key: conda_cache(call, calls.context(key)) for key, call in calls.conda.items() if call.fills}
        self.caches |= {key: python_cache(call, calls.context(key)) for key, call in calls.python.items()}
        for key, call in calls.conda.items():
            own = own_context(call.read, call.at, calls.context(key))
            if call.files and call.fills and not own.variables.get("PIP_NO_CACHE_DIR") and runs_pip(call, own):
                self.caches[_part(key)] = cache(Store.PIP, own, {})
        self.cleaned: dict[Cache, bool] = {}

    def layer(self) -> RunLayer:
        found = ends(self.run.script, self._effect)
        calls = self.calls.only(found.errexit) if found else self.calls
        kept = {key: self._kept(key, found) for key in self.caches}
        fills = [Install(call, self.caches[key], kept[key]) for key, call in calls.conda.items() if call.fills]
        python = [PythonFill(call, self.caches[key], kept[key]) for key, call in calls.python.items()]
        return RunLayer(
            self.place.stage,
            self.instruction,
            self.run,
            self.place.context,
            calls=tuple(calls.conda.values()),
            installs=tuple(install for install in fills if install.cache.store is Store.CONDA),
            pixi=tuple(install for install in fills if install.cache.store is Store.RATTLER),
            python=tuple(python),
            pip_parts=tuple(
                Install(call, self.caches[_part(key)], kept[_part(key)])
                for key, call in calls.conda.items()
                if _part(key) in self.caches
            ),
            cleans=tuple(call for call in calls.conda.values() if call.verb is Verb.CLEAN),
            missed=tuple(self._missed(fills)),
            trims=tuple(self._trims()),
            removals=tuple(self._removals()),
            fetched=tuple(self._fetched(key, download, found) for key, download in calls.downloads.items()),
            opaque=self._opaque(),
            may_clean=self._may_clean(Cache(Store.CONDA)),
            errexit=found.errexit if found else None,
            read=self.calls,
        )

    def _opaque(self) -> bool:
        calls = self.calls
        others = (command for key, command in enumerate(calls.commands) if key not in calls.conda | calls.python)
        return any(call.may_fill for call in calls.conda.values()) or any(is_opaque(command) for command in others)

    def _removals(self) -> list[ShellCommand]:
        others = [(key, command) for key, command in enumerate(self.calls.commands) if key not in self.calls.conda]
        cache = Cache(Store.CONDA)
        return [command for key, command in others if emptied(command, cache, self.calls.context(key))]

    def _trims(self) -> Iterator[Trim]:
        for key, command in enumerate(self.calls.commands):
            if trim := read_trim(command, self.calls.context(key)):
                yield trim

    def _missed(self, fills: list[Install]) -> Iterator[Missed]:
        keys = {id(call): key for key, call in self.calls.conda.items()}
        cleans = [(key, call) for key, call in self.calls.conda.items() if call.clean and call.clean.kinds]
        for key, clean in cleans:
            context = self.calls.context(key)
            before = [one for one in fills if keys[id(one.conda)] < key and one.cache.store is Store.CONDA]
            reasons = [missed_by(clean, install.conda, install.cache, context) for install in before]
            # A user who has installed something, too, cleans at least that.
            surely = {Miss.ELSEWHERE} if None in reasons else {*Miss}
            for install, why in zip(before, reasons, strict=True):
                if why and why in surely and install.verdict is Verdict.LEFT:
                    yield Missed(clean, conda_cache(clean, context), install, why)

    def _effect(self, command: ShellCommand) -> Effect:
        key = self.calls.key(command)
        made = {key: self.caches[key].store.parts} if key in self.caches else {}
        made |= {_part(key): FILE} if _part(key) in self.caches else {}
        made |= {key: FILE} if key in self.calls.downloads else {}
        if made:
            return Effect(makes=made)
        taken = {other: self._taken(key, command, other) for other in self.caches}
        taken |= {other: self._file_taken(key, command, download) for other, download in self.calls.downloads.items()}
        takes = {other: parts for other, parts in taken.items() if parts}
        touches = frozenset(other for other in self.caches if self._touches(key, other))
        doubts = frozenset(other for other, parts in taken.items() if parts is None)
        certain = self._is_clean(key) or key in self.calls.cleans or bool(takes)
        return Effect(takes=takes, doubts=doubts, touches=touches, succeeds=certain)

    def _taken(self, key: int, command: ShellCommand, other: int) -> frozenset[str] | None:
        context = self.calls.context(key)
        call = self.calls.conda.get(key)
        if call is None or call.tool is Tool.PIXI:
            if key in self.calls.cleans and self.caches[other].store is Store.CONDA:
                return Store.CONDA.parts
            return emptied(command, self.caches[other], context)
        filled = self.calls.conda.get(other)
        if call.verb is not Verb.CLEAN or filled is None:
            return NOTHING
        return cleaned_by(call, filled, self.caches[other], context)

    def _file_taken(self, key: int, command: ShellCommand, download: Download) -> frozenset[str] | None:
        taken = removes(command, download.path, self.calls.context(key))
        return None if taken is None else FILE if taken else NOTHING

    def _is_clean(self, key: int) -> bool:
        return key in self.calls.conda and self.calls.conda[key].verb is Verb.CLEAN

    def _touches(self, key: int, other: int) -> bool:
        """Tell whether a clean that empties nothing of an install's cache was still meant for it: `conda clean -y`."""
        clean, filled = self.calls.conda.get(key), self.calls.conda.get(other)
        if clean is None or filled is None or clean.verb is not Verb.CLEAN:
            return False
        return missed_by(clean, filled, self.caches[other], self.calls.context(key)) is None

    def _kept(self, key: int, found: Ends | None) -> Kept:
        cache = self.caches[key]
        if key in self.calls.python and not self._is_cached(key):
            return Kept(Verdict.CLEANED)
        kept = self._kept_on_paths(key, cache, found)
        guessed = key in self.calls.conda and self.calls.conda[key].guessed
        doubtful = guessed or may_be_off(cache, self.calls.context(key if key >= 0 else _part(key)))
        return Kept(Verdict.UNKNOWN) if doubtful and kept.verdict is not Verdict.CLEANED else kept

    def _is_cached(self, key: int) -> bool:
        install, context = self.calls.python[key], self.calls.context(key)
        return install.caches(own_context(install.read, install.at, context).variables)

    def _kept_on_paths(self, key: int, cache: Cache, found: Ends | None) -> Kept:
        mounted = keeps_out(self.instruction, cache, self.calls.context(key if key >= 0 else _part(key)))
        if mounted is not False:
            return Kept(Verdict.CLEANED if mounted else Verdict.UNKNOWN)
        held = _held(key, found)
        return self._without_paths(cache) if held is None else _judged(held, cache.store)

    def _without_paths(self, cache: Cache) -> Kept:
        """Judge a script whose paths are not understood: without any clean in it, the cache stays on each."""
        known = not (self._may_clean(cache) or self.run.script.faulty)
        return Kept(Verdict.LEFT, cache.store.parts) if known else Kept(Verdict.UNKNOWN)

    def _may_clean(self, cache: Cache) -> bool:
        """Tell whether anything in the script may empty a cache; taken for granted where too many differ."""
        if cache not in self.cleaned:
            self.cleaned[cache] = len(self.cleaned) >= MOST_CACHES or self._looked_for(cache)
        return self.cleaned[cache]

    def _looked_for(self, cache: Cache) -> bool:
        calls = self.calls
        if calls.cleans or (cache.store is Store.CONDA and any(map(self._is_clean, calls.conda))):
            return True
        others = ((key, command) for key, command in enumerate(calls.commands) if key not in calls.conda)
        return any(emptied(command, cache, calls.context(key)) != NOTHING for key, command in others)

    def _fetched(self, key: int, download: Download, found: Ends | None) -> Fetched:
        inside = any(download.path.startswith(f"{target.rstrip('/')}/") for target in mount_targets(self.instruction))
        held = _held(key, found)
        if inside or (held is not None and not any(one.parts for one in held)):
            return Fetched(download, Verdict.CLEANED)
        if held is None or any(one.parts & DOUBTFUL for one in held) or not all(one.parts for one in held):
            return Fetched(download, Verdict.UNKNOWN)
        return Fetched(download, Verdict.LEFT)


def _judged(held: list[Held], store: Store) -> Kept:
    """Judge what all good paths hold of one cache: extracted packages alone are linked, and count little."""
    counted = store.parts - {Kind.EXTRACTED, Kind.LINKED}
    waste = {kind for one in held for kind in one.parts} & counted
    if any(RACED in one.parts or (UNSURE in one.parts and one.parts & counted) for one in held):
        return Kept(Verdict.UNKNOWN)
    if not waste:
        sure = [frozenset() if UNSURE in one.parts else one.parts for one in held]
        return Kept(Verdict.CLEANED, frozenset.intersection(*sure) if sure else frozenset())
    if not all(one.parts & waste for one in held):
        return Kept(Verdict.UNKNOWN, skipped=True)
    kinds = frozenset(kind for one in held for kind in one.parts)
    return Kept(Verdict.INCOMPLETE if all(one.touched for one in held) else Verdict.LEFT, kinds)


def _held(key: int, found: Ends | None) -> list[Held] | None:
    return None if found is None else [one for held in found.held for one in held if one.key == key]
