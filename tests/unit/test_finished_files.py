"""Whether files of frames are whole, who wrote them, and depth as a pass of OpenEXR."""

from pathlib import Path

import numpy as np
import pytest

from inference.errors import OutputError
from inference.file_stamp import bears_stamp, is_unchanged_jpeg, read_stamp
from inference.finished_files import FinishedFile, examine_files
from inference.gaussian_ply import write_gaussians
from inference.gaussians import Gaussians
from inference.picture_output import layer_depth, write_picture

STAMP = "0123456789abcdef"
SUFFIXES = (".png", ".jpg", ".exr", ".ply")


def write(path: Path, stamp: str | None = STAMP) -> Path:
    rng = np.random.default_rng(1)
    if path.suffix == ".ply":
        cloud = Gaussians.coloured(*(rng.uniform(0.1, 0.9, (20, size)) for size in (3, 4, 3)), rng.uniform(0, 1, 20),
                                   rng.uniform(0, 1, (20, 3)))  # fmt: skip
        write_gaussians(path, cloud, stamp)
    else:
        depth = rng.uniform(1, 9, (48, 64)).astype(np.float32)
        write_picture(path, rng.uniform(0, 1, (48, 64, 3)).astype(np.float32), depth=depth, stamp=stamp)
    return path


def test_several_files_in_their_order(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"a{suffix}") for suffix in SUFFIXES]
    cut = tmp_path / "cut.exr"
    cut.write_bytes(paths[2].read_bytes()[:-50])
    whole = FinishedFile(size=(64, 48), stamp=STAMP)
    assert list(examine_files([*paths, tmp_path / "none.png", cut])) == [
        whole, whole, whole, FinishedFile(stamp=STAMP), FinishedFile("missing"), FinishedFile("damaged"),
    ]  # fmt: skip


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_bears_its_stamp_even_when_damaged(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"a{suffix}")
    assert bears_stamp(path)
    path.write_bytes(path.read_bytes()[:-50])
    assert bears_stamp(path) and read_stamp(path) is None
    assert not bears_stamp(write(tmp_path / f"plain{suffix}", stamp=None))
    assert not bears_stamp(tmp_path / f"missing{suffix}")


def test_every_byte_of_a_jpeg_counts(tmp_path: Path) -> None:
    whole = write(tmp_path / "a.jpg").read_bytes()
    assert is_unchanged_jpeg(whole)
    begin = whole.index(STAMP.encode()) - 20
    for place in [*range(20), *range(begin + 60, len(whole), 97)]:
        damaged = bytearray(whole)
        damaged[place] ^= 1
        assert not is_unchanged_jpeg(bytes(damaged)), place
    assert is_unchanged_jpeg(write(tmp_path / "plain.jpg", stamp=None).read_bytes())


def test_depth_becomes_a_pass_once(tmp_path: Path) -> None:
    OpenEXR = pytest.importorskip("OpenEXR")
    path = write(tmp_path / "a.exr")
    before = OpenEXR.File(str(path), separate_channels=True).channels()
    layer_depth(path)
    data = path.read_bytes()
    layer_depth(path)
    assert path.read_bytes() == data and read_stamp(path) == STAMP
    after = OpenEXR.File(str(path), separate_channels=True).channels()
    assert sorted(after) == ["B", "Depth.Z", "G", "R"]
    for name, channel in after.items():
        np.testing.assert_array_equal(channel.pixels, before[name.rpartition(".")[2]].pixels)
    assert list(examine_files([path])) == [FinishedFile(size=(64, 48), stamp=STAMP)]
    flat = tmp_path / "flat.exr"
    write_picture(flat, np.zeros((4, 4, 3), np.float32))
    with pytest.raises(OutputError, match="has no depth"):
        layer_depth(flat)
