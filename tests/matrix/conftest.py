"""The zips of a release, every Blender, and a table of what was measured."""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.installed.sessions import ROOT
from tests.matrix.blenders import MODULES, Blender, module, named
from wheels import bundle as bundles
from wheels.builder import build_thin
from wheels.targets import Target, target

# Those whose bundles are installed, if this machine is one of them.
TARGETS = os.environ.get("TARGETS", "").split() or ["linux-x64-py311-cpu"]
_ROW = "{:42} {:11} {:>7} {:>11} {:>10} {:>16}  {}"
_HEAD = _ROW.format("zip", "Blender", "zip MB", "unpacked MB", "install s", "first picture s", "worker's Python")
_rows: list[str] = []


@pytest.fixture(scope="session")
def thin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The zip without wheels."""
    return build_thin(tmp_path_factory.mktemp("thin"))


@pytest.fixture(scope="session", params=TARGETS)
def bundled(request: pytest.FixtureRequest) -> Target:
    """Each target: for Linux with Python 3.11 and the CPU, unless TARGETS names others."""
    if not request.param.startswith("linux") or sys.platform != "linux":
        pytest.skip(f"{request.param} is installed on Linux alone")
    return target(request.param)


@pytest.fixture(scope="session")
def bundle(bundled: Target, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its bundle."""
    return bundles.bundle(bundled, tmp_path_factory.mktemp("bundle"))


@pytest.fixture(params=[*(version for version, _, _ in MODULES), *named()], ids=str)
def blender(request: pytest.FixtureRequest) -> Blender:
    """Each Blender."""
    return request.param if isinstance(request.param, Blender) else module(request.param)


@pytest.fixture
def user_folder(tmp_path: Path) -> Any:
    """A clean profile; gigabytes do not stay behind."""
    folder = tmp_path / "profile"
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def note() -> Callable[[Path, dict[str, Any]], None]:
    """Add a line to the table at the end."""

    def add(zipped: Path, record: dict[str, Any]) -> None:
        megabytes = (f"{size / 1e6:.0f}" for size in (zipped.stat().st_size, record["bytes"]))
        seconds = (f"{record[key]:.1f}" for key in ("install_seconds", "seconds"))
        _rows.append(_ROW.format(zipped.name, record["blender"], *megabytes, *seconds, record["backend"]))

    return add


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if _rows:
        terminalreporter.section("installed")
        terminalreporter.line(
            "zip                            Blender       zip MB  unpacked  install s  first pic  worker"
        )
        for row in _rows:
            terminalreporter.line(row)


def pytest_report_header() -> str:
    return f"Blenders named: {os.environ.get('BLENDERS') or 'none'}; checkout {ROOT.name}"
