"""Several layers at once: an error or an interrupt ends all of them soon."""

import time
from collections.abc import Iterator
from concurrent.futures import CancelledError

import pytest

from slimconda.layers.parallel import Meter, in_order


def test_what_still_works_gives_up_when_one_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    told: list[int] = []
    meter = Meter(told.append)

    def work(number: int) -> int:
        if number == 0:
            time.sleep(0.1)
            raise KeyboardInterrupt
        for _ in range(600):
            meter.add(1)
            time.sleep(0.1)
        return number

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        list(in_order(work, range(2), worthwhile=True, stop=meter.stop))
    assert time.monotonic() - started < 30
    assert told
    with pytest.raises(CancelledError):
        meter.add(1)


def test_results_come_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 3)

    def stop() -> None:
        raise AssertionError

    def items() -> Iterator[int]:
        yield from range(20)

    pairs = list(in_order(lambda number: -number, items(), worthwhile=True, stop=stop))
    assert pairs == [(number, -number) for number in range(20)]
