"""Which list of packages fits a machine, and that lists are read exactly."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

Scene = Callable[[str], ModuleType]


@pytest.mark.parametrize(
    ("wanted", "driver", "names", "found", "words"),
    [
        ("AUTOMATIC", None, ("cpu", "cu128"), "cpu", "CPU; no NVIDIA driver was found"),
        ("AUTOMATIC", 590, ("cpu", "cu126", "cu128"), "cu128", "CUDA 12.8; an NVIDIA driver was found (590)"),
        ("AUTOMATIC", 570, ("cpu", "cu128", "cu130"), "cu128", "CUDA 12.8; an NVIDIA driver was found (570)"),
        ("AUTOMATIC", 570, ("cpu", "cu130"), "cpu", "suits the NVIDIA driver 570"),
        ("AUTOMATIC", 590, ("cpu",), "cpu", "suits the NVIDIA driver 590"),
        ("CPU", 590, ("cpu", "cu128"), "cpu", "CPU, as chosen"),
        ("CUDA", None, ("cpu", "cu98", "cu128"), "cu128", "CUDA 12.8, as chosen"),
        ("CUDA", 570, ("cpu", "cu130"), "cu130", "driver 570 is too old for it, 580 is needed"),
        ("CUDA", 590, ("cpu",), "There is no list of packages for CUDA with Python 3.11", ""),
        ("CPU", 590, ("cu130",), "no list of packages for the CPU alone", ""),
        ("AUTOMATIC", None, ("cu130",), "cu130", "CUDA 13.0, used on the CPU"),
        ("AUTOMATIC", 535, ("cu130",), "cu130", "CUDA 13.0, used on the CPU"),
        ("AUTOMATIC", None, (), "no list of packages for Python 3.11 on linux-x64", ""),
    ],
)
def test_which_lock_fits(
    scene_module: Scene, tmp_path: Path, wanted: str, driver: int | None, names: tuple[str, ...], found: str, words: str
) -> None:
    locks = scene_module("locks")
    for name in names:
        (tmp_path / f"linux-x64-py311-{name}.txt").touch()
    (tmp_path / "linux-x64-py313-cu130.txt").touch()
    (tmp_path / "windows-x64-py311-cpu.txt").touch()
    try:
        lock = locks.find_lock(tmp_path, "linux-x64", "311", wanted, driver)
    except locks.BackendError as error:
        assert found in str(error)
    else:
        assert lock.accelerator == found and lock.path.is_file()
        assert words in locks.why(lock, wanted, driver)


def test_what_the_usual_index_lacks_is_taken_where_there_is_another(scene_module: Scene, tmp_path: Path) -> None:
    locks = scene_module("locks")
    for name, version in (("cpu", "2.1+cpu"), ("cu130", "2.1")):
        (tmp_path / f"linux-x64-py311-{name}.txt").write_text(f"torch=={version} --hash=sha256:{'ab' * 32}\n")

    def found(wanted: str, **elsewhere: bool) -> str:
        return locks.find_lock(tmp_path, "linux-x64", "311", wanted, None, **elsewhere).accelerator

    assert found("AUTOMATIC") == "cu130" and found("AUTOMATIC", elsewhere=True) == "cpu"
    assert found("CPU") == "cpu", "chosen is chosen"
    (tmp_path / "linux-x64-py311-cu130.txt").unlink()
    assert found("AUTOMATIC") == "cpu"


def test_windows_writes_the_drivers_version_its_own_way(scene_module: Scene) -> None:
    locks = scene_module("locks")
    assert locks.windows_driver_version("31.0.15.3598") == 535 and locks.windows_driver_version("32.0.15.7283") == 572
    assert locks.windows_driver_version("unknown") is None


def test_the_shipped_locks_can_be_read(scene_module: Scene) -> None:
    """Whichever there are: every line has a version and a hash, the sizes are told, torch is among them."""
    locks = scene_module("locks")
    folder = scene_module("backend").ROOT / "wheels" / "locks"
    for path in folder.glob("*.txt"):
        place, python, accelerator = path.stem.rsplit("-", 2)
        lock = locks.Lock(path, place, python[2:], accelerator)
        assert {"torch", "numpy", "numba"} <= {entry.name for entry in lock.requirements}
        assert 10**8 < lock.download < lock.unpacked


def test_locks_are_read_and_checked(scene_module: Scene, tmp_path: Path) -> None:
    locks = scene_module("locks")
    path = tmp_path / "x.txt"
    path.write_text(
        f"# download: 12\nOpen_CV.x[all]==4.1.post1 ; python_version > '3' \\\n  --hash=sha256:{'ab' * 32}\n"
    )
    lock = locks.Lock(path, "linux-x64", "311", "cpu")
    (entry,) = lock.requirements
    assert (entry.name, entry.version, entry.hashes) == ("open-cv-x", "4.1.post1", {"ab" * 32})
    assert (lock.download, lock.unpacked) == (12, 0)
    assert entry.served_by("open_cv.x-4.1.post1+cu128-cp311-cp311-linux_x86_64.whl")
    assert not entry.served_by("open_cv.x-4.1.post10-cp311-cp311-linux_x86_64.whl")
    assert not entry.served_by("open_cv-4.1.post1-cp311-cp311-linux_x86_64.whl")
    for broken in ("torch==1.0\n", f"torch>=1.0 --hash=sha256:{'ab' * 32}\n"):
        path.write_text(broken)
        with pytest.raises(locks.BackendError, match="damaged"):
            _ = locks.Lock(path, "linux-x64", "311", "cpu").requirements


@pytest.mark.parametrize(
    ("system", "machine", "name"),
    [("linux", "x86_64", "linux-x64"), ("win32", "AMD64", "windows-x64"), ("darwin", "arm64", "macos-arm64")],
)
def test_platform_names(
    scene_module: Scene, monkeypatch: pytest.MonkeyPatch, system: str, machine: str, name: str
) -> None:
    locks = scene_module("locks")
    monkeypatch.setattr(locks, "sys", SimpleNamespace(platform=system))
    monkeypatch.setattr(locks.platform, "machine", lambda: machine)
    assert locks.this_platform() == name
