"""What a user gets: the zip, installed, used; nothing of the checkout is in reach."""

import os
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.installed.sessions import outcome
from tests.made_up import write_capture

Session = Callable[..., "subprocess.Popen[str]"]


def test_the_zip_holds_what_it_must_and_nothing_else(archive: Path) -> None:
    names = set(zipfile.ZipFile(archive).namelist())
    assert {"blender_manifest.toml", "__init__.py", "LICENSE", "wheels/requirements.txt"} <= names
    assert {"inference/worker/__main__.py", "scene/cameras.py", "operators/modal.py", "panels/result.py"} <= names
    assert "wheels/locks/linux-x64-py311-cpu.txt" in names
    for name in names:
        top = name.split("/")[0]
        assert top not in {
            "tests",
            "training",
            "benchmarks",
            ".ci",
            ".git",
            ".venv",
            "build",
            "dist",
            "out",
            "Makefile",
        }
        assert not (top in {"examples", "wheels"} and name.endswith(".py")), name
        assert not name.endswith((".pyc", ".nbi", ".nbc", ".pth", ".whl")), name


def test_it_is_loaded_from_where_it_was_installed(session: Session, installed: Path) -> None:
    record = outcome(session("describe"))
    assert record["enabled"] and Path(record["file"]).is_relative_to(installed)


def test_import_and_synthesize(session: Session, tmp_path: Path) -> None:
    capture = write_capture(tmp_path / "table")
    record = outcome(session("synthesize", capture, tmp_path / "out", "plane-sweep"))
    assert record["psnr"] > 25
    assert record["metadata"]["method"] == "plane-sweep"
    used = [source["name"] for source in record["metadata"]["sources"] if source.get("used", True)]
    assert "view_2" not in used and len(used) == 4
    assert record["backgrounds"][0] == "view_2.png" and len(record["backgrounds"]) == 2
    assert record["foreign"] == [], "the worker's packages do not belong into Blender's process"


def test_two_blenders_at_once(session: Session, tmp_path: Path) -> None:
    """Both write into the same folder for a camera of the same name: two files, both right."""
    capture = write_capture(tmp_path / "table")
    both = [session("synthesize", capture, tmp_path / "out", "plane-sweep") for _ in range(2)]
    records = [outcome(process) for process in both]
    assert len({record["path"] for record in records}) == 2
    assert all(record["psnr"] > 25 for record in records)


def test_nothing_is_written_into_the_installed_folder(session: Session, installed: Path, tmp_path: Path) -> None:
    folder = installed / "extensions" / "user_default" / "sightline"

    def files() -> set[str]:
        return {str(path) for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"}

    before = files()
    outcome(session("synthesize", write_capture(tmp_path / "table"), tmp_path / "out", "plane-sweep"))
    assert files() == before


def test_no_worker_outlives_blender(session: Session, tmp_path: Path) -> None:
    record = outcome(session("synthesize", write_capture(tmp_path / "table"), tmp_path / "out", "plane-sweep"))
    with pytest.raises(ProcessLookupError):
        os.kill(record["worker"], 0)


def test_an_update_keeps_the_backend_and_the_cache(session: Session, archive: Path) -> None:
    record = outcome(session("update", archive))
    assert record["installed"] and record["kept"] == [True, True] and not record["stale"]
