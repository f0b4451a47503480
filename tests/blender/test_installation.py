"""Install Backend from a package index on this machine: ready in the end, or one sentence and everything as before."""

import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import bpy
import pytest

from tests.blender.package_index import Index, package_index, pip_environment, write_lock, write_wheel

Scene = Callable[[str], ModuleType]
HERE = Path(__file__).parent
NAMES = ("alpha", "beta_two", "gamma")


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    """Three packages in an index that pip asks."""
    for name in NAMES:
        write_wheel(tmp_path / "index", name, size=30_000)
    with package_index(tmp_path / "index") as running:
        for name, value in pip_environment(running.address).items():
            monkeypatch.setenv(name, value)
        yield running


class Place:
    """The parts of the extension that install, with a lock of the test's packages and a folder of its own."""

    def __init__(self, scene_module: Scene, extension: str, folder: Path) -> None:
        for name in ("backend", "installation", "environments", "job", "locks", "installation_words"):
            setattr(self, name, scene_module(name))
        self.preferences = bpy.context.preferences.addons[extension].preferences
        self.locks_folder = folder.parent / "locks"
        self.put(folder)
        self.venv = self.installation.MAKE

    def put(self, folder: Path) -> None:
        """Set the backend's folder; what is there already is somebody else's."""
        self.chosen, self.folder = folder, folder / "sightline"
        self.preferences.backend_folder = str(folder)

    def lock(self, wheels: list[Path], accelerator: str = "cpu", **sizes: int) -> Path:
        """Write the lock for this machine and forget what was believed."""
        name = f"{self.locks.this_platform()}-py{self.locks.this_python()}-{accelerator}.txt"
        path = write_lock(self.locks_folder / name, wheels, **sizes)
        self.backend.forget()
        return path

    def new_job(self) -> object:
        return self.job.Job("Install", self.installation.install)

    def install(self) -> dict[str, object]:
        job = self.new_job()
        job.run()
        return job.facts

    def install_from(self, wheels: Path) -> None:
        """Install without the index, which takes half the time."""
        self.preferences.wheel_folder = str(wheels)
        self.install()
        self.preferences.property_unset("wheel_folder")

    def refused(self, words: str) -> str:
        """Install, which fails with one sentence; nothing half made is left, and whoever was ready still is."""
        before = self.ready()
        kinds = (self.backend.BackendError, self.installation.OutputError)
        with pytest.raises(kinds, match=words) as caught:
            self.install()
        sentence = str(caught.value)
        assert sentence.endswith(".") and "\n" not in sentence and "Traceback" not in sentence
        self.as_before(before)
        return sentence

    def ready(self) -> Path | None:
        """Return the interpreter of the private environment in use, after having run it."""
        self.backend.forget()
        try:
            found = self.backend.find_backend()
        except self.backend.BackendError:
            return None
        code = "import alpha, beta_two, gamma; print(alpha.version)"
        done = subprocess.run([found.python, "-I", "-c", code], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return found.python

    def as_before(self, before: Path | None) -> None:
        assert self.ready() == before
        kept = {} if before is None else {before.parents[1].name}
        assert {path.name for path in self.folder.glob("py*")} == set(kept)
        assert not (self.folder / "temp").exists()


@pytest.fixture
def place(
    index: Index, scene_module: Scene, extension: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Place]:
    """A machine without a backend that may go online."""
    found = Place(scene_module, extension, tmp_path / "backend")
    monkeypatch.setattr(found.backend, "LOCKS", found.locks_folder)
    monkeypatch.setattr(found.backend, "WORKER_PACKAGES", NAMES)
    monkeypatch.delenv(found.backend.PYTHON_VARIABLE, raising=False)
    monkeypatch.setattr(found.installation, "online", lambda: True)
    monkeypatch.setattr(found.locks, "nvidia_driver", lambda: None)
    quick = ("{python}", str(HERE / "quick_environment.py"), "{folder}")
    monkeypatch.setattr(found.installation, "MAKE", quick)
    found.lock(sorted(index.folder.glob("*.whl")), download=100_000, unpacked=200_000)
    yield found
    for name in ("backend_folder", "wheel_folder", "accelerator", "keep_downloads", "package_index"):
        found.preferences.property_unset(name)
    found.backend.close()


def drive(job: object, until: Callable[[], bool], seconds: float = 30.0) -> None:
    """Take the steps of a job until something is so."""
    end = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < end, "nothing has happened"
        assert job.step(), f"the job has ended: {job.error}"
        time.sleep(0.005)


def test_complete_by_venv_and_pip(place: Place, index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real way, in a path with spaces and letters of several scripts."""
    monkeypatch.setattr(place.installation, "MAKE", place.venv)
    place.put(place.chosen.with_name("Übung 日本 & more"))
    others = [place.chosen / name for name in ("wheels", "temp", "py311-cpu-project", "sightline/py311-project")]
    for folder in others:
        folder.mkdir(parents=True)
    with pytest.raises(place.backend.BackendError, match="is not installed"):
        place.backend.find_backend()
    job, messages, fractions = place.new_job(), [], []
    job.start()
    while job.step():
        messages.append(job.message)
        fractions.append(job.fraction)
        time.sleep(0.01)
    assert job.error is None, job.error
    assert "3 packages" in job.facts["sentence"]
    assert any("Downloading beta-two (2 of 3)" in message for message in messages)
    assert fractions == sorted(fractions) and fractions[-1] < 1.0
    assert place.ready() is not None and all(folder.is_dir() for folder in others)
    found = place.backend.find_backend()
    assert found.origin == "private environment, from the package index" and not found.stale
    assert not (place.folder / "wheels").exists(), "the downloads are gone when all is done"
    assert "Successfully installed" in (place.folder / "install.log").read_text()


def test_cancelled_and_resumed(place: Place, index: Index) -> None:
    index.held = "gamma"
    job = place.new_job()
    job.start()
    drive(job, index.began.is_set)
    start = time.monotonic()
    job.cancel()
    while job.step():
        time.sleep(0.005)
    assert time.monotonic() - start < 5.0
    assert job.error.code == "cancelled"
    place.as_before(None)
    assert sorted(path.name.split("-")[0] for path in (place.folder / "wheels").glob("*")) == ["alpha", "beta_two"]
    assert "downloaded already" in "\n".join(place.installation_words.plan_lines(place.installation.plan()))
    index.held = ""
    index.served.clear()
    place.install()
    assert place.ready() and [name.split("-")[0] for name in index.served] == ["gamma"]


def test_another_blender_is_killed_in_the_middle(place: Place, index: Index) -> None:
    index.held = "gamma"
    command = [sys.executable, str(HERE / "install_session.py"), str(place.chosen), str(place.locks_folder)]
    other = subprocess.Popen([*command, ",".join(NAMES)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert index.began.wait(60), other.communicate(timeout=5)
    with pytest.raises(place.backend.BackendError, match="Another Blender is installing"):
        place.install()
    other.send_signal(signal.SIGKILL)
    other.communicate()
    assert place.ready() is None and list(place.folder.glob("py*")), "it has left its half"
    # What it was writing when it was killed.
    (place.folder / "wheels" / "gamma-1.0-py3-none-any.whl").write_bytes(b"half")
    index.held = ""
    index.go_on.set()
    index.served.clear()
    place.install()
    place.as_before(place.ready())
    assert place.ready() and [name.split("-")[0] for name in index.served] == ["gamma"]


def test_a_wrong_hash_and_then_repair(place: Place, index: Index) -> None:
    place.install_from(index.folder)
    first = place.ready()
    wheel = index.folder / "beta_two-1.0-py3-none-any.whl"
    right = wheel.read_bytes()
    write_wheel(index.folder, "beta_two", code="raise SystemExit('never run')")
    assert "'beta-two'" in place.refused("hash differs")
    wheel.write_bytes(right)
    place.install()
    again = place.ready()
    assert again is not None and again != first, "a repair is made beside the working one"
    assert not first.exists()


def test_the_index_is_away_or_lacks_a_package(place: Place, index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    place.install_from(index.folder)
    (index.folder / "gamma-1.0-py3-none-any.whl").unlink()
    assert "'gamma'" in place.refused("is not in the package index")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple/")
    monkeypatch.setenv("PIP_RETRIES", "1")
    shutil.rmtree(place.folder / "wheels")
    place.refused("index cannot be reached")


def test_offline_needs_the_wheel_folder(place: Place, index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place.installation, "online", lambda: False)
    place.refused("may not go online")
    wheels = place.folder.with_name("wheels of the studio")
    shutil.copytree(index.folder, wheels)
    place.preferences.wheel_folder = str(wheels)
    gamma = wheels / "gamma-1.0-py3-none-any.whl"
    gamma.unlink()
    assert "lacks gamma 1.0;" in place.refused("wheel folder")
    gamma.write_bytes(b"another file")
    assert "'gamma-1.0-py3-none-any.whl'" in place.refused("hash differs")
    shutil.copy(index.folder / gamma.name, gamma)
    if not bpy.app.online_access:
        assert bpy.ops.sightline.install_backend.poll()
    place.install()
    assert place.ready() and place.backend.find_backend().origin == "private environment, from a wheel folder"
    assert index.served == [] and len(list(wheels.glob("*.whl"))) == 3


@contextmanager
def small_files(limit: int) -> Iterator[None]:
    """Let no file of this process and its children grow over a size, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_no_room(place: Place, index: Index) -> None:
    place.install_from(index.folder)
    big = [write_wheel(index.folder, name, "2.0", size=2_000_000) for name in NAMES]
    place.lock(big)
    with small_files(1_000_000):
        place.refused("The disk with .* is full")
    place.lock(big, download=10**15, unpacked=2 * 10**15)
    assert "needs 3000000.0 GB" in place.refused("are free")


def test_a_small_disk(place: Place, index: Index, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if (
        shutil.which("mount") is None
        or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk)], capture_output=True).returncode
    ):
        pytest.skip("this user may not mount a small disk")
    try:
        place.put(disk / "backend")
        place.lock([write_wheel(index.folder, name, "2.0", size=2_000_000) for name in NAMES])
        place.refused("The disk with .* is full")
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_no_permission(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(tempfile.mkdtemp(prefix="sightline-forbidden-"))
    shutil.copytree(place.locks_folder, folder / "locks")
    monkeypatch.setattr(place.backend, "LOCKS", folder / "locks")
    folder.chmod(0o555)
    place.put(folder / "backend")
    root = os.geteuid() == 0
    try:
        if root:
            os.seteuid(65534)
        with pytest.raises(place.installation.OutputError, match=r"may not write in .*Backend Folder"):
            place.install()
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o755)
        shutil.rmtree(folder)


def test_long_paths(place: Place, index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    place.put(place.chosen / ("long " * 20).strip() / ("länger " * 14).strip())
    monkeypatch.setattr(place.environments, "_short_paths", lambda: True)
    assert "259" in place.refused("set Backend Folder to a shorter one")
    monkeypatch.setattr(place.environments, "_short_paths", lambda: False)
    place.install_from(index.folder)
    assert len(str(place.ready())) > 259


def test_what_cannot_be_loaded_does_not_replace_what_works(place: Place, index: Index) -> None:
    place.install_from(index.folder)
    code = "raise OSError('[WinError 126] The specified module could not be found')"
    wheels = [write_wheel(index.folder, name, "2.0", code if name == "gamma" else "") for name in NAMES]
    place.lock(wheels)
    place.preferences.wheel_folder = str(index.folder)
    assert "WinError 126" in place.refused("cannot be loaded")


def test_stale_then_updated(place: Place, index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    place.preferences.keep_downloads = True
    place.install()
    first = place.ready()
    wheels = [index.folder / f"{name}-1.0-py3-none-any.whl" for name in NAMES[1:]]
    path = place.lock([write_wheel(index.folder, "alpha", "2.0"), *wheels])
    assert place.ready() == first, "still usable"
    assert "newer packages" in place.backend.find_backend().stale
    bundled = place.backend.Backend(Path(sys.executable), "the extension's wheels")
    with monkeypatch.context() as patch:
        patch.setattr(place.backend, "_own", lambda: bundled)
        assert place.backend.find_backend() == bundled, "what comes with this version goes before what is out of date"
    index.served.clear()
    place.install()
    assert index.served == ["alpha-2.0-py3-none-any.whl"]
    monkeypatch.setattr(place.backend, "_own", lambda: bundled)
    found = place.backend.find_backend()
    assert found.private and not found.stale and not first.exists()
    assert not (place.folder / "wheels" / "alpha-1.0-py3-none-any.whl").exists()
    path.write_text("# another comment\n" + path.read_text())
    place.backend.forget()
    assert not place.backend.find_backend().stale, "comments are no packages"


def test_accelerators_and_pythons_side_by_side(place: Place, index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    place.install_from(index.folder)
    cpu = place.ready()
    other_python = place.folder / "py313-cpu-12345678"
    other_python.mkdir()
    (other_python / place.environments.RECORD).write_text("{}")
    place.lock(sorted(index.folder.glob("*.whl")), "cu128", download=10_000_000, unpacked=2_000_000_000)
    text = "\n".join(place.installation_words.plan_lines(place.installation.plan()))
    assert (
        "CPU; no NVIDIA driver was found\n3 packages, 0.1 MB to download" in text
        and "Instead CUDA 12.8: 10.0 MB to download" in text
    )
    monkeypatch.setattr(place.locks, "nvidia_driver", lambda: 535)
    assert "cu128 is asked for" in place.backend.find_backend().stale and place.ready() == cpu
    place.lock(sorted(index.folder.glob("*.whl")), "cu128")
    place.install_from(index.folder)
    assert "cu128" in str(place.ready()) and cpu.exists() and other_python.exists()
    place.preferences.accelerator = "CPU"
    assert place.ready() == cpu and not place.backend.find_backend().stale


def test_broken_is_told_and_mended(place: Place, index: Index) -> None:
    place.install_from(index.folder)
    python = place.ready()
    packages = place.environments.site_packages(python.parents[1])
    shutil.rmtree(packages / "gamma-1.0.dist-info")
    place.backend.forget()
    with pytest.raises(place.backend.BackendError, match="is broken: the package 'gamma' is gone"):
        place.backend.find_backend()
    settings = python.parents[1] / "pyvenv.cfg"
    settings.write_text(settings.read_text().replace("home = ", "home = /removed/blender-4.5.1"))
    place.backend.forget()
    with pytest.raises(place.backend.BackendError, match=r"is broken: the Python .* at '/removed/blender.*', is gone"):
        place.backend.find_backend()
    place.install_from(index.folder)
    assert place.ready()
    assert len(list(place.folder.glob("py*"))) == 1


def test_the_button_without_a_window(place: Place, index: Index) -> None:
    place.preferences.wheel_folder = str(index.folder)
    assert bpy.ops.sightline.install_backend("INVOKE_DEFAULT") == {"FINISHED"}
    assert place.ready()
    for path in place.locks_folder.glob("*"):
        path.unlink()
    with pytest.raises(RuntimeError, match="no list of packages"):
        bpy.ops.sightline.install_backend("INVOKE_DEFAULT")
