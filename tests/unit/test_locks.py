"""The locks hold what the requirements ask for, pinned to the byte, and nothing that would not run there."""

import hashlib
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import Version

from wheels.builder import ROOT, manifest
from wheels.bundle import SHIPPED_BY_BLENDER, build_gsplat, fetch, write_manifest
from wheels.lock import REQUIREMENTS
from wheels.lockfile import LOCKS, Wheel, lock_path, read_lock, to_text
from wheels.targets import PYTHONS, TARGETS, target

MADE = sorted(LOCKS.glob("*.txt"), key=lambda path: path.name)


@pytest.fixture(params=MADE, ids=lambda path: path.stem)
def lock(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def test_there_are_the_locks_that_a_release_needs() -> None:
    names = {path.stem for path in MADE}
    assert names <= {target.name for target in TARGETS}
    assert {"linux-x64-py311-cpu", "windows-x64-py311-cpu", "windows-x64-py313-cpu"} <= names
    assert {"macos-arm64-py311-cpu", "macos-arm64-py313-cpu", "linux-x64-py311-cu130"} <= names


def test_every_requirement_is_there_in_a_version_that_fits(lock: Path) -> None:
    versions = {wheel.name: Version(wheel.version) for wheel in read_lock(lock)}
    lines = (line.partition("#")[0].strip() for line in REQUIREMENTS.read_text().splitlines())
    for requirement in map(Requirement, filter(None, lines)):
        assert requirement.specifier.contains(versions[canonicalize_name(requirement.name)])
    numpy = Requirement(PYTHONS[target(lock.stem).python][2])
    assert numpy.specifier.contains(versions["numpy"]), "another numpy than that Blender's"


def test_every_wheel_runs_on_its_target_and_is_the_one_that_is_pinned(lock: Path) -> None:
    chosen = target(lock.stem)
    wheels = read_lock(lock)
    assert len({wheel.name for wheel in wheels}) == len(wheels)
    for wheel in wheels:
        name, version, _, tags = parse_wheel_filename(wheel.file)
        assert (name, version) == (wheel.name, Version(wheel.version))
        assert chosen.rank(tags) is not None, f"{wheel.file} does not run on {chosen.name}"


def test_the_accelerator_is_in_the_lock(lock: Path) -> None:
    names = {wheel.name for wheel in read_lock(lock)}
    has_cuda = any(name.startswith("nvidia-") for name in names)
    if target(lock.stem).platform == "linux-x64":
        assert has_cuda == (target(lock.stem).accelerator != "cpu")
    else:
        assert not has_cuda


def test_sizes_are_the_sums_of_the_wheels(lock: Path) -> None:
    wheels = read_lock(lock)
    first, second = lock.read_text().splitlines()[:2]
    assert first == f"# download: {sum(wheel.download for wheel in wheels)}"
    assert second == f"# unpacked: {sum(wheel.unpacked for wheel in wheels)}"
    assert all(0 < wheel.download < wheel.unpacked for wheel in wheels)


def test_pip_takes_every_line_as_it_is(lock: Path) -> None:
    """By pip's rules a file with one hash needs one for all, and a comment begins a line."""
    pins = [line for line in lock.read_text().splitlines() if not line.startswith("#")]
    assert len(pins) == len(read_lock(lock))
    for pin in pins:
        requirement, _, digest = pin.partition(" --hash=sha256:")
        assert len(str(Requirement(requirement).specifier).removeprefix("==")) > 0 and len(digest) == 64
    assert "://" not in lock.read_text()


def test_a_lock_is_read_as_it_was_written(tmp_path: Path) -> None:
    wheels = [Wheel("tqdm", "4.70.1", "tqdm-4.70.1-py3-none-any.whl", "ab" * 32, 80, 233)]
    path = tmp_path / "lock.txt"
    path.write_text(to_text(wheels))
    assert read_lock(path) == wheels
    path.write_text(to_text(wheels) + "torch==2.13.0\n")
    with pytest.raises(ValueError, match=r"Line 6 of .* is not a line of a lock"):
        read_lock(path)


@pytest.mark.parametrize("name", ["linux-x64-py311-cpu", "windows-x64-py313-cpu"])
def test_the_manifest_of_a_bundle_names_its_wheels_platform_and_blenders(name: str, tmp_path: Path) -> None:
    (tmp_path / "blender_manifest.toml").write_text((ROOT / "blender_manifest.toml").read_text())
    write_manifest(tmp_path, target(name), ["b.whl", "a.whl"])
    thin, bundle = manifest(), manifest(tmp_path)
    assert bundle["wheels"] == ["./wheels/a.whl", "./wheels/b.whl"]
    assert bundle["platforms"] == [target(name).platform]
    assert {"wheels", "platforms"}.isdisjoint(thin), "the checkout stays thin"
    first, end, _ = PYTHONS[target(name).python]
    assert (bundle["blender_version_min"], bundle.get("blender_version_max")) == (first, end)
    changed = {"wheels", "platforms", "blender_version_min", "blender_version_max", "build"}
    assert {key: bundle[key] for key in thin if key not in changed} == {
        key: value for key, value in thin.items() if key not in changed
    }


def test_numpy_is_locked_but_never_bundled(lock: Path) -> None:
    assert {wheel.name for wheel in read_lock(lock)} >= SHIPPED_BY_BLENDER == {"numpy"}


def test_a_bundle_without_a_lock_says_where_the_lock_comes_from(tmp_path: Path) -> None:
    missing = next(target for target in TARGETS if target.name not in {path.stem for path in MADE})
    with pytest.raises(SystemExit, match=rf"no lock for {missing.name} yet; wheels/locks/README\.md"):
        fetch(missing, tmp_path)


def test_a_wheel_that_is_not_the_locked_one_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a folder alone, as in a studio without a network."""
    monkeypatch.setattr("wheels.lockfile.LOCKS", tmp_path)
    folder, out = tmp_path / "folder", tmp_path / "out"
    folder.mkdir()
    file = "sightline_probe-1.0-py3-none-any.whl"
    with zipfile.ZipFile(folder / file, "w") as wheel:
        wheel.writestr(
            "sightline_probe-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: sightline-probe\nVersion: 1.0\n"
        )
        wheel.writestr(
            "sightline_probe-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr("sightline_probe-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    chosen = target("linux-x64-py311-cpu")
    digest = hashlib.sha256((folder / file).read_bytes()).hexdigest()
    pins = [Wheel("sightline-probe", "1.0", file, digest, 1, 2), Wheel("numpy", "1.26.4", "numpy.whl", "ab" * 32, 1, 2)]
    lock_path(chosen.name).write_text(to_text(pins))
    assert fetch(chosen, out) == [out / file] and (out / file).is_file(), "numpy is Blender's"
    (out / file).unlink()
    lock_path(chosen.name).write_text(to_text([replace(pins[0], sha256="cd" * 32)]))
    with pytest.raises(SystemExit, match=f"Not every wheel of {chosen.name}"):
        fetch(chosen, out)
    assert not (out / file).exists()


def test_gsplat_is_compiled_only_where_that_can_be(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"gsplat for linux-x64-py311-cpu needs CUDA's nvcc, and Python 3\.11"):
        build_gsplat(target("linux-x64-py311-cpu"), tmp_path)
