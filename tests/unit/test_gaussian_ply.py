"""Gaussians as PLY, against files written plainly value by value."""

from __future__ import annotations

import math
import resource
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from inference.errors import GaussiansError, OutputError
from inference.gaussian_ply import read_gaussians, write_gaussians
from inference.gaussians import Gaussians

FORMATS = {"<": "binary_little_endian", ">": "binary_big_endian", "": "ascii"}


def cloud(count: int = 7, coefficients: int = 16, seed: int = 0) -> Gaussians:
    random = np.random.default_rng(seed)
    return Gaussians(
        random.normal(size=(count, 3)),
        random.normal(size=(count, 4)),
        random.uniform(0.001, 2, (count, 3)),
        random.uniform(0.01, 0.99, count),
        random.normal(size=(count, coefficients, 3)),
    )


def values_of(gaussians: Gaussians, index: int) -> dict[str, float]:
    """What the layout holds of one Gaussian, by name."""
    rest = gaussians.harmonics.shape[1] - 1
    opacity = float(gaussians.opacities[index])
    found = dict(zip("xyz", map(float, gaussians.means[index]), strict=True))
    for channel in range(3):
        found[f"f_dc_{channel}"] = float(gaussians.harmonics[index, 0, channel])
        for k in range(rest):
            found[f"f_rest_{channel * rest + k}"] = float(gaussians.harmonics[index, 1 + k, channel])
        found[f"scale_{channel}"] = math.log(float(gaussians.scales[index, channel]))
    found["opacity"] = math.log(opacity / (1 - opacity))
    for k in range(4):
        found[f"rot_{k}"] = 2.5 * float(gaussians.quaternions[index, k])  # any length will do
    return found


def write_plainly(
    path: Path, rows: list[dict[str, float]], order: str = "<", kind: str = "float", names: list[str] | None = None
) -> None:
    """Write rows with an element before and one after, a property that means nothing, in shuffled columns."""
    names = names or np.random.default_rng(3).permutation([*rows[0], "confidence"]).tolist()
    code = {"float": "f", "double": "d"}[kind]
    header = f"ply\nformat {FORMATS[order]} 1.0\ncomment end_header is not here\nelement camera 2\nproperty short id\n"
    header += f"element vertex {len(rows)}\n" + "".join(f"property {kind} {name}\n" for name in names)
    header += "element face 1\nproperty list uchar int vertex_indices\nend_header\n"
    with path.open("wb") as file:
        file.write(header.encode())
        file.write(struct.pack(f"{order}2h", 1, 2) if order else b"1\n2\n")
        for row in rows:
            line = [row.get(name, 9.0) for name in names]
            file.write(
                struct.pack(f"{order}{len(line)}{code}", *line)
                if order
                else (" ".join(map(repr, line)) + "\n").encode()
            )
        file.write(struct.pack(f"{order}B3i", 3, 0, 1, 2) if order else b"3 0 1 2\n")


def assert_same(one: Gaussians, other: Gaussians) -> None:
    for name in ("means", "quaternions", "scales", "opacities", "harmonics"):
        assert np.allclose(getattr(one, name), getattr(other, name), rtol=2e-6, atol=2e-6), name


@pytest.mark.parametrize("coefficients", [1, 4, 9, 16])
@pytest.mark.parametrize("order", ["<", ">", ""])
@pytest.mark.parametrize("kind", ["float", "double"])
def test_reads_every_kind(tmp_path: Path, coefficients: int, order: str, kind: str) -> None:
    made = cloud(coefficients=coefficients)
    write_plainly(tmp_path / "a.ply", [values_of(made, index) for index in range(len(made))], order, kind)
    assert_same(read_gaussians(tmp_path / "a.ply"), made)


@pytest.mark.parametrize("coefficients", [1, 4, 9, 16])
def test_writes_what_the_layout_says(tmp_path: Path, coefficients: int) -> None:
    made = cloud(coefficients=coefficients)
    write_gaussians(tmp_path / "a.ply", made)
    header, _, body = (tmp_path / "a.ply").read_bytes().partition(b"end_header\n")
    lines = header.decode().split("\n")
    assert lines[:3] == ["ply", "format binary_little_endian 1.0", "element vertex 7"]
    names = [line.removeprefix("property float ") for line in lines[3:-1]]
    rest = [f"f_rest_{k}" for k in range(3 * (coefficients - 1))]
    expected = "x y z nx ny nz f_dc_0 f_dc_1 f_dc_2 {} opacity scale_0 scale_1 scale_2 rot_0 rot_1 rot_2 rot_3"
    assert names == expected.format(" ".join(rest)).split()
    for index, row in enumerate(struct.iter_unpack(f"<{len(names)}f", body)):
        for name, value in zip(names, row, strict=True):
            true = 0.0 if name.startswith("n") else values_of(made, index)[name]
            true = true / 2.5 if name.startswith("rot") else true
            assert value == pytest.approx(true, rel=2e-5, abs=2e-6), name


def test_many_chunks_come_back(tmp_path: Path) -> None:
    made = cloud(40_000, 4)
    write_gaussians(tmp_path / "a.ply", made)
    assert_same(read_gaussians(tmp_path / "a.ply"), made)


def test_none_at_all(tmp_path: Path) -> None:
    write_gaussians(tmp_path / "a.ply", cloud(0))
    back = read_gaussians(tmp_path / "a.ply")
    assert len(back) == 0 and back.degree == 3


def test_limits_are_written_as_finite_numbers_and_come_back(tmp_path: Path) -> None:
    made = Gaussians(
        np.zeros((2, 3)), np.tile([1, 0, 0, 0], (2, 1)), [[0, 1, 1]] * 2, np.array([0.0, 1.0]), np.zeros((2, 1, 3))
    )
    write_gaussians(tmp_path / "a.ply", made)
    body = (tmp_path / "a.ply").read_bytes().partition(b"end_header\n")[2]
    assert np.isfinite(np.frombuffer(body, "<f4")).all()
    assert_same(read_gaussians(tmp_path / "a.ply"), made)


@pytest.mark.parametrize("order", ["<", ""])
def test_infinite_logits_are_opacities(tmp_path: Path, order: str) -> None:
    rows = [values_of(cloud(), index) for index in range(2)]
    rows[0]["opacity"], rows[1]["opacity"] = math.inf, -math.inf
    write_plainly(tmp_path / "a.ply", rows, order)
    assert read_gaussians(tmp_path / "a.ply").opacities.tolist() == [1.0, 0.0]


@pytest.mark.parametrize("order", ["<", ""])
@pytest.mark.parametrize(
    ("name", "value"),
    [("x", math.nan), ("f_rest_3", math.inf), ("opacity", math.nan), ("scale_1", math.inf), ("scale_0", 1000.0)],
)
def test_says_how_many_are_damaged(tmp_path: Path, order: str, name: str, value: float) -> None:
    rows = [values_of(cloud(), index) for index in range(7)]
    rows[3][name] = rows[5][name] = value
    write_plainly(tmp_path / "a.ply", rows, order)
    with pytest.raises(GaussiansError, match=r"a\.ply has values .* in 2 of 7 Gaussians \(the first is number 3\)"):
        read_gaussians(tmp_path / "a.ply")


@pytest.mark.parametrize("name", ["y", "f_dc_2", "opacity", "scale_0", "rot_3", "f_rest_44", "f_rest_7"])
def test_names_a_missing_property(tmp_path: Path, name: str) -> None:
    rows = [values_of(cloud(), index) for index in range(3)]
    for row in rows:
        del row[name]
    write_plainly(tmp_path / "a.ply", rows)
    with pytest.raises(
        GaussiansError, match="44 properties f_rest" if name.startswith("f_rest") else f"property {name}"
    ):
        read_gaussians(tmp_path / "a.ply")


@pytest.mark.parametrize("order", ["<", ""])
def test_cut_short_anywhere(tmp_path: Path, order: str) -> None:
    rows = [values_of(cloud(coefficients=1), index) for index in range(3)]
    path = tmp_path / "a.ply"
    write_plainly(path, rows, order)
    whole = path.read_bytes()
    # What follows the vertices is not read; the end of an ASCII number cannot be seen to be missing.
    end = len(whole) - (13 if order else 8) - (30 if not order else 0)
    for length in range(0, end, 11):
        path.write_bytes(whole[:length])
        with pytest.raises(GaussiansError, match=r"a\.ply (is cut short|is no PLY)"):
            read_gaussians(path)


@pytest.mark.parametrize("order", ["<", ">", ""])
@pytest.mark.parametrize("count", [10_000_000, 10**18])
def test_a_header_that_promises_too_much_fails_at_once(tmp_path: Path, order: str, count: int) -> None:
    path = tmp_path / "a.ply"
    write_plainly(path, [values_of(cloud(), 0)], order)
    path.write_bytes(path.read_bytes().replace(b"element vertex 1\n", f"element vertex {count}\n".encode()))
    begin = time.perf_counter()
    with pytest.raises(GaussiansError, match="cut short"):
        read_gaussians(path)
    assert time.perf_counter() - begin < 0.1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\x89PNG\r\n\x1a\n", "no PLY file"),
        (b"", "no PLY file"),
        (b"ply\nformat ascii 1.0\nelement face 1\nproperty list uchar int i\nend_header\n3 1 2 3\n", "no vertices"),
        (b"ply\nformat ascii 1.0\nelement vertex -1\nproperty float x\nend_header\n", "unknown layout"),
        (b"ply\nformat ascii 1.0\nelement vertex 1\nproperty half x\nend_header\n1\n", "unknown layout"),
        (b"ply\nformat ascii 1.0\nproperty float x\nend_header\n1\n", "unknown layout"),
        (b"ply\nelement vertex 1\nproperty float x\nend_header\n1\n", "unknown layout"),
        (
            b"ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nproperty float x\nend_header\n1 1\n",
            "unknown layout",
        ),
        (
            b"ply\nformat binary_little_endian 1.0\nelement chunk 1\nproperty float min_x\nelement vertex 1\n"
            b"property uint packed_position\nproperty uint packed_rotation\nend_header\n" + bytes(12),
            "compressed PLY of SuperSplat",
        ),
        (
            b"ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nproperty float y\nproperty float z\n"
            b"property uchar red\nend_header\n0 0 0 255\n",
            "no property f_dc_0, .* no Gaussians",
        ),
    ],
)
def test_other_files_are_refused_by_name(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "a.ply").write_bytes(content)
    with pytest.raises(GaussiansError, match=rf"a\.ply .*{words}"):
        read_gaussians(tmp_path / "a.ply")


def test_words_among_the_numbers(tmp_path: Path) -> None:
    path = tmp_path / "a.ply"
    write_plainly(path, [values_of(cloud(coefficients=1), 0)], "")
    path.write_bytes(path.read_bytes().replace(b"9.0", b"9,0"))
    with pytest.raises(GaussiansError, match="damaged"):
        read_gaussians(path)


def test_a_rotation_of_length_zero(tmp_path: Path) -> None:
    row = values_of(cloud(), 0) | {f"rot_{k}": 0.0 for k in range(4)}
    write_plainly(tmp_path / "a.ply", [row])
    with pytest.raises(GaussiansError, match=r"a\.ply .* length zero"):
        read_gaussians(tmp_path / "a.ply")


def test_what_is_not_there_or_no_file(tmp_path: Path) -> None:
    for path in (tmp_path / "none.ply", tmp_path):
        with pytest.raises(GaussiansError, match="cannot be read"):
            read_gaussians(path)


@pytest.fixture
def small_disk() -> Iterator[None]:
    """No file may grow beyond 10 kB."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, small_disk: None) -> None:
    path = tmp_path / "a.ply"
    write_gaussians(path, cloud(3))
    before = path.read_bytes()
    with pytest.raises(OutputError, match=r"a\.ply cannot be written"):
        write_gaussians(path, cloud(5000))
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["a.ply"]


def test_a_million_in_well_under_a_second(tmp_path: Path) -> None:
    write_gaussians(tmp_path / "a.ply", cloud(1_000_000, 1))
    begin = time.perf_counter()
    assert len(read_gaussians(tmp_path / "a.ply")) == 1_000_000
    assert time.perf_counter() - begin < 1.0
