"""``make demo``: the still life by the method that needs no weights, the person by a part of its ring."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PERSON = ROOT / "examples" / "person" / "transforms.json"

# The person's part on its own, then its Blender file as it opens.
PERSON_DEMO = """
import json, os, sys
from pathlib import Path
from examples.in_blender import blender
from examples.person.demo import demonstrate
out, calibration = Path(sys.argv[1]), Path(sys.argv[2])
with blender():
    import bpy
    (out / "person.json").write_text(json.dumps(demonstrate(out, calibration)))
    bpy.ops.wm.open_mainfile(filepath=str(out / "person.blend"), load_ui=True)
    scene = bpy.context.scene
    clouds = [thing for thing in scene.objects if "radiance:base" in getattr(thing.data, "attributes", ())]
    heights = [point.vector.z for thing in clouds for point in thing.data.attributes["position"].data]
    shadings = {area.spaces[0].shading.type for screen in bpy.data.screens for area in screen.areas
                if area.type == "VIEW_3D"}
    print(json.dumps({"clouds": len(clouds), "heights": sorted(heights), "camera": scene.camera.name,
                      "transform": scene.view_settings.view_transform, "shadings": sorted(shadings)}))
sys.stdout.flush()
os._exit(0)
"""


def run(*command: str, timeout: float = 300) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True, timeout=timeout)


def test_the_demo_leaves_a_picture_that_is_near_the_photograph(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    done = run("-m", "examples.demo", "--only", "still_life", "--method", "plane-sweep", "--out", str(out))
    assert done.returncode == 0, done.stderr
    line = next(line for line in done.stdout.splitlines() if line.startswith("plane-sweep: PSNR "))
    assert float(line.split()[2]) > 28
    assert float(line.split("SSIM ")[1].split(";")[0]) > 0.85
    record = json.loads((out / "still_life.json").read_text(encoding="utf-8"))
    names = [name for name, _ in record["sources"]]
    assert 4 <= len(names) <= 8  # some share the last places
    assert "view_06" not in names  # held out
    assert Path(record["result"]).parent == out
    assert (out / "still_life_comparison.png").stat().st_size > 100_000
    assert (out / "still_life.blend").exists()


@pytest.fixture(scope="module")
def part_of_ring(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example person seen by three neighbours of its ring, so that there are two pairs, and the held-out camera."""
    record = json.loads(PERSON.read_text(encoding="utf-8"))
    kept = ("cam_07", "cam_00", "cam_01", "held_out")
    record["frames"] = [frame for frame in record["frames"] if Path(frame["file_path"]).stem in kept]
    folder = tmp_path_factory.mktemp("person")
    for frame in record["frames"]:
        picture = folder / frame["file_path"]
        picture.parent.mkdir(exist_ok=True)
        picture.write_bytes((PERSON.parent / frame["file_path"]).read_bytes())
    (folder / "transforms.json").write_text(json.dumps(record), encoding="utf-8")
    return folder / "transforms.json"


def test_the_demo_leaves_a_view_of_a_person_and_its_gaussians(part_of_ring: Path, tmp_path: Path) -> None:
    done = run("-c", PERSON_DEMO, str(tmp_path), str(part_of_ring))
    assert done.returncode == 0, done.stderr
    opened = json.loads(done.stdout.splitlines()[-1])
    record = json.loads((tmp_path / "person.json").read_text(encoding="utf-8"))
    assert {name for name, _ in record["sources"]} == {"cam_00", "cam_01"}
    pairs = [{pair["left"], pair["right"]} for pair in record["gaussians"]["metadata"]["pairs"]]
    assert sorted(map(sorted, pairs)) == [["cam_00", "cam_01"], ["cam_00", "cam_07"]]

    assert opened["clouds"] == 1 and opened["camera"] == "person_turntable"
    assert opened["transform"] == "Standard" and opened["shadings"] == ["MATERIAL"]
    heights = opened["heights"]
    assert len(heights) == record["gaussians"]["count"] > 10_000
    # The avatar stands on the ground and is 1.7 m tall; a twentieth of the Gaussians may stray.
    assert abs(heights[len(heights) // 40]) < 0.15
    assert 1.4 < heights[-len(heights) // 40] < 1.75

    sheet = run("-m", "examples.comparison_sheet", str(tmp_path / "person.json"))
    assert sheet.returncode == 0, sheet.stderr
    closeness, cloud = sheet.stdout.splitlines()
    assert cloud.startswith(f"{len(heights):,} Gaussians from 2 pairs of sources; ")
    record["result"] = dict(record["sources"])["cam_00"]
    (tmp_path / "nearest.json").write_text(json.dumps(record), encoding="utf-8")
    nearest = run("-m", "examples.comparison_sheet", str(tmp_path / "nearest.json")).stdout
    assert float(closeness.split()[2]) > float(nearest.split()[2]) + 4


def test_the_demo_ends_with_a_sentence_where_it_fails(tmp_path: Path) -> None:
    done = run("-m", "examples.demo", "--method", "crystal-ball", "--out", str(tmp_path / "demo"))
    assert done.returncode == 2
    assert "crystal-ball" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_demo_leaves_a_folder_with_files_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("chapter 1", encoding="utf-8")
    done = run("-m", "examples.demo", "--out", str(tmp_path))
    assert done.returncode == 2
    assert "not an empty folder" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
