"""A release's repository, served as files and over HTTP, gives Blender the extension."""

import functools
import hashlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.installed.sessions import outcome
from tests.matrix.blenders import Blender, module
from wheels.release import write_checksums, write_repository


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


def test_two_pythons_share_a_repository(thin: Path, tmp_path: Path) -> None:
    """Blender's generator refuses zips that are for the same platform, Blender and Python."""
    with pytest.raises(SystemExit):
        other = tmp_path / "sightline-other.zip"
        other.write_bytes(thin.read_bytes())
        write_repository(tmp_path / "twice", [thin, other])


def test_checksums_are_those_of_the_files(thin: Path, tmp_path: Path) -> None:
    write_checksums(tmp_path, [thin])
    digest = hashlib.sha256(thin.read_bytes()).hexdigest()
    assert (tmp_path / "SHA256SUMS").read_text() == f"{digest}  {thin.name}\n"
