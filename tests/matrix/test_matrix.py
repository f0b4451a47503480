"""In every Blender: install, synthesize, disable, uninstall, and nothing stays behind."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.installed.sessions import outcome
from tests.made_up import write_capture
from tests.matrix.blenders import Blender
from wheels.targets import Target

Note = Callable[[Path, dict[str, Any]], None]


def check(record: dict[str, Any]) -> None:
    assert record["installed"] and record["psnr"] > 25
    assert record["foreign"] == [], "the worker's packages do not belong into Blender's process"
    assert record["left_in_blender"] == [] and record["left_on_disk"] == []


def test_thin_zip_with_a_python_of_the_users(
    blender: Blender, thin: Path, user_folder: Path, tmp_path: Path, note: Note
) -> None:
    capture = write_capture(tmp_path / "table")
    arguments = "cycle", thin, capture, tmp_path / "out", "convglr"
    record = outcome(blender.session(user_folder, *arguments, worker=sys.executable))
    check(record)
    note(thin, record)


def test_bundle_without_a_network(
    blender: Blender, bundled: Target, bundle: Path, user_folder: Path, tmp_path: Path, note: Note
) -> None:
    """Blender unpacks the wheels, and its own Python runs the worker on them."""
    if blender.python(user_folder) != bundled.python:
        pytest.skip(f"{bundle.name} is for Python {'.'.join(map(str, bundled.python))}")
    capture = write_capture(tmp_path / "table")
    arguments = "cycle", bundle, capture, tmp_path / "out", "convglr"
    record = outcome(blender.session(user_folder, *arguments, offline=True, worker=None))
    check(record)
    assert record["interfaces"] == ["lo"], "there was a network"
    note(bundle, record)
