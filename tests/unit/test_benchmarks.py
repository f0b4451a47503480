"""The benchmarks' harness: turns, ratios, the table."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.measure import Row, Timing, compared, medians, table

ROOT = Path(__file__).resolve().parents[2]


def test_ways_take_turns_and_the_warm_up_does_not_count() -> None:
    calls: list[str] = []

    def slow() -> None:
        time.sleep(0.2 if not calls else 0.02)
        calls.append("slow")

    timings = medians({"slow": slow, "quick": lambda: calls.append("quick")}, repeats=3, warm_up=1)
    assert calls == ["slow", "quick"] * 4
    assert 0.02 <= timings["slow"].wall < 0.1
    assert timings["quick"].wall < 0.01
    assert timings["slow"].cpu < timings["slow"].wall  # sleeping is no work


def test_ratios_are_to_the_named_way() -> None:
    rows = compared("copying", {"copy": Timing(0.010, 0.010), "ours": Timing(0.025, 0.040)}, "copy")
    assert rows[0].ratio is None
    assert rows[1].ratio == pytest.approx(2.5)
    assert rows[1].value == pytest.approx(25)
    assert rows[1].cpu == pytest.approx(40)


def test_the_table_stands_in_columns() -> None:
    lines = table([Row("a", "long way", 1234.5, "ms", 2.0, "b", 7.126), Row("longer", "b", 12.34, "MiB")]).splitlines()
    assert lines[1].split() == ["a", "long", "way", "1234", "ms", "7.13", "ms", "2.00", "x", "b"]
    assert lines[2].split() == ["longer", "b", "12.3", "MiB"]
    assert lines[1].index("long way") == lines[2].index("b", 7)


def test_an_unknown_subject_is_wrong_usage() -> None:
    command = [sys.executable, "-m", "benchmarks", "weather"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert "no subject weather" in done.stderr
