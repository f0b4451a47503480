"""``make demo`` from end to end, by the method that needs no weights."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_demo_leaves_a_picture_that_is_near_the_photograph(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    command = [sys.executable, "examples/demo.py", "--method", "plane-sweep", "--out", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    line = next(line for line in done.stdout.splitlines() if line.startswith("plane-sweep: PSNR "))
    assert float(line.split()[2]) > 28
    assert float(line.split("SSIM ")[1].split(";")[0]) > 0.85
    record = json.loads((out / "record.json").read_text(encoding="utf-8"))
    names = [name for name, _ in record["sources"]]
    assert len(names) == 4
    assert "view_06" not in names  # held out
    assert Path(record["result"]).parent == out
    assert (out / "comparison.png").stat().st_size > 100_000
    assert (out / "demo.blend").exists()


def test_the_demo_ends_with_a_sentence_where_it_fails(tmp_path: Path) -> None:
    command = [sys.executable, "examples/demo.py", "--method", "crystal-ball", "--out", str(tmp_path / "demo")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert "crystal-ball" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_demo_leaves_a_folder_with_files_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("chapter 1", encoding="utf-8")
    command = [sys.executable, "examples/demo.py", "--out", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert "not an empty folder" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
