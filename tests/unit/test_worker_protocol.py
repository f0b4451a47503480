"""Messages and array files, without a process."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import numpy as np
import pytest

from inference.errors import BackendError
from inference.worker import protocol


def through(value: object, folder: Path) -> object:
    """Store, send, receive and load a value."""
    line = protocol.encode({"data": protocol.store_arrays(value, folder / "result-1")})
    assert line.count(b"\n") == 1 and line.endswith(b"\n")
    return protocol.load_arrays(protocol.decode(line), folder)["data"]


@pytest.mark.parametrize("dtype", ["<f4", "<f8", ">f4", "u1", "<i8", "?", "<f2"])
@pytest.mark.parametrize("shape", [(3, 4, 2), (5,), (0, 3), ()])
def test_arrays_arrive_bit_by_bit(tmp_path: Path, dtype: str, shape: tuple[int, ...]) -> None:
    array = (np.random.default_rng(0).random(shape) * 100).astype(dtype)
    array = np.asarray(array)
    arrived = through({"nested": [{"array": array}]}, tmp_path)["nested"][0]["array"]  # type: ignore[index]
    assert arrived.dtype == array.dtype and arrived.shape == array.shape
    assert arrived.tobytes() == array.tobytes()
    assert not arrived.flags.writeable


def test_values_that_are_no_numbers_and_strides_arrive(tmp_path: Path) -> None:
    depth = np.array([[1.0, np.inf], [np.nan, -0.0]], dtype=np.float32)
    arrived = through((depth[::-1, ::-1], np.asfortranarray(depth)), tmp_path)
    assert arrived[0].tobytes() == depth[::-1, ::-1].tobytes()  # type: ignore[index]
    np.testing.assert_array_equal(arrived[1], depth)  # type: ignore[index]


def test_plain_values_arrive(tmp_path: Path) -> None:
    value = {
        "text": "Größe\n日本",
        "path": Path("/a b"),
        "number": np.float32(0.5),
        "tuple": (1, None, True),
        "far": np.inf,
    }
    arrived = through(value, tmp_path)
    assert arrived == {"text": "Größe\n日本", "path": "/a b", "number": 0.5, "tuple": [1, None, True], "far": np.inf}
    assert not list(tmp_path.iterdir()), "a folder was made for no array"


def test_array_folder_is_private(tmp_path: Path) -> None:
    protocol.store_arrays(np.zeros(3), tmp_path / "result-1")
    assert stat.S_IMODE((tmp_path / "result-1").stat().st_mode) == 0o700


def test_object_arrays_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError):
        protocol.store_arrays(np.array([{}]), tmp_path / "result-1")


def test_pickles_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    np.save(path, np.array([{"a": 1}]), allow_pickle=True)
    with pytest.raises(BackendError, match="cannot be read"):
        protocol.load_arrays({"array": str(path), "shape": [1], "dtype": "|O"}, tmp_path)


@pytest.mark.parametrize("how", ["outside", "parent", "link", "relative"])
def test_files_outside_the_folder_are_refused(tmp_path: Path, how: str) -> None:
    folder = tmp_path / "private"
    folder.mkdir()
    np.save(tmp_path / "secret.npy", np.zeros(1))
    path = {
        "outside": str(tmp_path / "secret.npy"),
        "parent": str(folder / ".." / "secret.npy"),
        "link": str(folder / "link.npy"),
        "relative": "secret.npy",
    }[how]
    if how == "link":
        (folder / "link.npy").symlink_to(tmp_path / "secret.npy")
    with pytest.raises(BackendError, match="outside its own folder"):
        protocol.load_arrays({"array": path, "shape": [1], "dtype": "<f8"}, folder)


def test_a_file_unlike_its_record_is_refused(tmp_path: Path) -> None:
    record = protocol.store_arrays(np.zeros((2, 3)), tmp_path / "result-1")
    with pytest.raises(BackendError, match="was announced"):
        protocol.load_arrays(record | {"shape": [3, 2]}, tmp_path)
    with pytest.raises(BackendError, match="was announced"):
        protocol.load_arrays(record | {"dtype": "<f4"}, tmp_path)
    with Path(record["array"]).open("r+b") as file:
        file.truncate(140)
    with pytest.raises(BackendError, match="cannot be read"):
        protocol.load_arrays(record, tmp_path)
    Path(record["array"]).unlink()
    with pytest.raises(BackendError, match="cannot be read"):
        protocol.load_arrays(record, tmp_path)
    with pytest.raises(BackendError, match="cannot be one"):
        protocol.load_arrays(record | {"array": 5}, tmp_path)


def test_an_archive_is_no_array(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", a=np.zeros(2))
    with pytest.raises(BackendError, match="holds no array"):
        protocol.load_arrays({"array": str(tmp_path / "x.npz"), "shape": [2], "dtype": "<f8"}, tmp_path)


@pytest.mark.parametrize("line", [b"", b"\n", b"nonsense\n", b"[1]\n", b'{"id": 1', b"\xff\xfe\n", b"[" * 100000])
def test_lines_that_are_no_message(line: bytes) -> None:
    with pytest.raises(protocol.ProtocolError):
        protocol.decode(line)


def test_what_has_no_json_form_is_refused() -> None:
    with pytest.raises(TypeError, match="object has no JSON form"):
        protocol.encode({"thing": object()})


def test_without_arrays() -> None:
    data = {"rgba": np.zeros(2), "list": [np.zeros(1), 3], "metadata": {"a": 1}}
    assert protocol.without_arrays(data) == {"rgba": None, "list": [None, 3], "metadata": {"a": 1}}
    json.dumps(protocol.without_arrays(data))
