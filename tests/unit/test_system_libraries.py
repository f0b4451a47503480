"""The script that names missing system libraries."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / ".ci" / "system_libraries.py"


@pytest.fixture
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("system_libraries", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("argument", "start"), [("", "Blender's module needs"), ("--packages", "libnothing9\n")])
def test_names_the_package_of_a_missing_library(
    script: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    argument: str,
    start: str,
) -> None:
    monkeypatch.setattr(script, "NEEDED", {"libc.so.6": "libc6", "libnothing.so.9": "libnothing9"})
    monkeypatch.setattr(script.sys, "platform", "linux")
    monkeypatch.setattr(script.sys, "argv", ["system_libraries.py", argument])
    script.main()
    printed = capsys.readouterr().out
    assert printed.startswith(start)
    assert "libnothing9" in printed
    assert "libc6" not in printed


def test_says_nothing_where_all_is_there(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(script, "NEEDED", {"libc.so.6": "libc6"})
    monkeypatch.setattr(script.sys, "argv", ["system_libraries.py"])
    script.main()
    assert capsys.readouterr().out == ""
