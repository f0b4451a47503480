"""A release's repository, served as files and over HTTP, gives Blender the extension."""

import functools
import hashlib
import http.server
import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.installed.sessions import ROOT, outcome
from tests.matrix.blenders import Blender, module
from wheels.builder import build
from wheels.bundle import write_manifest
from wheels.release import write_checksums, write_repository
from wheels.targets import target


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture
def repository(thin: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    write_repository(folder, [thin])
    return folder


@pytest.fixture
def served(repository: Path) -> Iterator[str]:
    """The address of the repository on this machine."""
    handler = functools.partial(_Quiet, directory=str(repository))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/index.json"
    server.shutdown()
    server.server_close()


def install(blender: Blender, address: str, profile: Path) -> None:
    record = outcome(blender.session(profile, "install_from_repository", address, worker=None))
    assert record["enabled"]
    assert Path(record["file"]).is_relative_to(profile / "extensions" / "tested" / "sightline")


@pytest.mark.parametrize("version", ["4.2.23", "4.5.15", "5.2.3"])
def test_over_http(version: str, served: str, user_folder: Path) -> None:
    install(module(version), served, user_folder)


def test_as_files(repository: Path, user_folder: Path) -> None:
    install(module("4.5.15"), f"{repository.as_uri()}/index.json", user_folder)


def test_bundles_for_every_python_share_a_repository(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Blender's generator warns of zips that are for the same platform, Blender and Python."""
    zips = []
    for python in ("311", "313"):
        source = tmp_path / python
        (source / "wheels").mkdir(parents=True)
        shutil.copyfile(ROOT / "blender_manifest.toml", source / "blender_manifest.toml")
        (source / "__init__.py").touch()
        wheel = f"probe-1.0-cp{python}-cp{python}-manylinux_2_28_x86_64.whl"
        (source / "wheels" / wheel).touch()
        write_manifest(source, target(f"linux-x64-py{python}-cpu"), [wheel])
        zips.append(tmp_path / f"sightline-{python}.zip")
        build(source, zips[-1])
    write_repository(tmp_path / "repository", zips)
    assert "WARN" not in "".join(capfd.readouterr())
    listed = json.loads((tmp_path / "repository" / "index.json").read_text())["data"]
    assert sorted(entry["python_versions"] for entry in listed) == [["3.11"], ["3.13"]]
    write_repository(tmp_path / "twice", [zips[0], shutil.copyfile(zips[0], tmp_path / "again.zip")])
    assert "WARN" in "".join(capfd.readouterr()), "two of one kind are not noticed"


def test_checksums_are_those_of_the_files(thin: Path, tmp_path: Path) -> None:
    write_checksums(tmp_path, [thin])
    digest = hashlib.sha256(thin.read_bytes()).hexdigest()
    assert (tmp_path / "SHA256SUMS").read_text() == f"{digest}  {thin.name}\n"
