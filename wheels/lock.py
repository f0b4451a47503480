"""Write the locks: which wheels, to the byte, each kind of machine gets. ``make locks`` runs this.

uv resolves, because it can for other platforms than its own (pip takes the markers of the machine it runs on). Only
what an index says of wheels is fetched, none of them whole. The index and the folders of wheels are those of pip's
configuration; ``--index`` adds one, for the builds of torch that the usual index lacks.
"""

from __future__ import annotations

import argparse
import io
import os
import subprocess
import sys
import tempfile
import tomllib
import urllib.parse
import urllib.request
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

from wheels.lockfile import Wheel, lock_path, to_text
from wheels.targets import MACOS, PYTHONS, TARGETS, Target, target

REQUIREMENTS = Path(__file__).with_name("requirements.txt")

_UV_PLATFORMS = {
    "linux-x64": "x86_64-manylinux_2_28",
    "windows-x64": "x86_64-pc-windows-msvc",
    "macos-arm64": "aarch64-apple-darwin",
}


class _Remote(io.RawIOBase):
    """A file behind an address, of which only the parts that are read are fetched."""

    def __init__(self, url: str) -> None:
        self._url, self._at = url, 0
        with urllib.request.urlopen(urllib.request.Request(url, method="HEAD")) as answer:
            self.size = int(answer.headers["Content-Length"])

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.size}[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        end = min(self._at + len(buffer), self.size)
        if end <= self._at:
            return 0
        request = urllib.request.Request(self._url, headers={"Range": f"bytes={self._at}-{end - 1}"})
        with urllib.request.urlopen(request) as answer:
            if answer.status != 206:
                raise OSError(f"{urllib.parse.urlsplit(self._url).hostname} does not send parts of files.")
            part: bytes = answer.read()
        buffer[: len(part)] = part
        self._at += len(part)
        return len(part)


def pip_places() -> list[str]:
    """Return the index and the folders of wheels of pip's configuration, as uv's arguments."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    listing = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    places: dict[str, list[str]] = {}
    for line in listing.splitlines():  # the environment's come first, and win
        key, _, value = line.partition("=")
        places.setdefault(key.rsplit(".", 1)[-1], value.strip("'\"").split())
    arguments = [("--find-links", folder) for folder in places.get("find-links", [])]
    arguments += [("--default-index", index) for index in places.get("index-url", [])]
    return [part for argument in arguments for part in argument]


def torch_pin(target: Target, indexes: list[str]) -> str:
    """Return the requirement that picks the right build of torch.

    The usual index has CUDA builds for Linux and CPU builds for Windows and macOS, without a local version; all others
    come from an index of torch's own, and say by their local version what they are.
    """
    pins = map(Requirement, filter(None, (line.partition("#")[0].strip() for line in REQUIREMENTS.open())))
    version = next(str(pin.specifier) for pin in pins if pin.name == "torch").removeprefix("==")
    usual = {"linux-x64": target.accelerator != "cpu", "windows-x64": target.accelerator == "cpu", "macos-arm64": True}
    if usual[target.platform] and not indexes:
        return f"torch==={version}"
    return f"torch=={version}" + ("" if target.platform == "macos-arm64" else f"+{target.accelerator}")


def resolve(uv: str, target: Target, indexes: list[str]) -> list[dict[str, Any]]:
    """Return the packages that a target needs, as PEP 751 describes them.

    Raises:
        SystemExit: If the indexes do not have them all; the sentence is uv's.
    """
    with tempfile.TemporaryDirectory() as folder:
        own = Path(folder, "torch.in")
        own.write_text(f"{torch_pin(target, indexes)}\n{PYTHONS[target.python][2]}\n", encoding="utf-8")
        output = Path(folder, "pylock.toml")
        command = [uv, "pip", "compile", "--no-config", "--quiet", "--format", "pylock.toml", "--only-binary", ":all:"]
        command += ["--python-platform", _UV_PLATFORMS[target.platform], "--output-file", str(output)]
        command += ["--python-version", ".".join(map(str, target.python)), *pip_places()]
        command += [part for index in indexes for part in ("--index", index)]
        environment = os.environ | {"MACOSX_DEPLOYMENT_TARGET": ".".join(map(str, MACOS))}
        done = subprocess.run(
            [*command, str(REQUIREMENTS), str(own)], env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise SystemExit(f"{target.name} cannot be resolved here.\n{done.stderr.strip()}")
        packages: list[dict[str, Any]] = tomllib.loads(output.read_text(encoding="utf-8"))["packages"]
        return packages


def measured(target: Target, package: dict[str, Any]) -> Wheel:
    """Return the wheel of a package that pip would take there, and its sizes."""

    def rank(url: str) -> int:
        _, _, _, tags = parse_wheel_filename(_file_name(url))
        found = target.rank(tags)
        return len(target.tags) if found is None else found

    best = min(package["wheels"], key=lambda wheel: rank(wheel["url"]))
    url = best["url"]
    if urllib.parse.urlsplit(url).scheme == "file":
        source: Any = open(urllib.request.url2pathname(urllib.parse.urlsplit(url).path), "rb")  # noqa: SIM115, PTH123
        size = os.fstat(source.fileno()).st_size
    else:
        source = _Remote(url)
        size = source.size
    # One read of the end holds a usual wheel's whole table of contents.
    with (
        source,
        zipfile.ZipFile(io.BufferedReader(source, 1 << 18) if isinstance(source, _Remote) else source) as zipped,
    ):
        unpacked = sum(entry.file_size for entry in zipped.infolist())
    name = canonicalize_name(package["name"])
    return Wheel(name, package["version"], _file_name(url), best["hashes"]["sha256"], size, unpacked)


def _file_name(url: str) -> str:
    return urllib.parse.unquote(urllib.parse.urlsplit(url).path.rsplit("/", 1)[-1])


def main() -> None:
    """Write the locks that are asked for, or all that can be resolved here."""
    parser = argparse.ArgumentParser(prog="wheels.lock", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="for example linux-x64-py311-cpu (default: all)")
    parser.add_argument("--uv", default="uv", help="the uv that resolves")
    parser.add_argument("--index", action="append", default=[], help="a further index, for other builds of torch")
    options = parser.parse_args()
    failed = False
    for chosen in [target(name) for name in options.targets] or TARGETS:
        try:
            packages = resolve(options.uv, chosen, options.index)
        except SystemExit as error:
            print(error, file=sys.stderr)
            failed = failed or bool(options.targets)
            continue
        with ThreadPoolExecutor(8) as pool:
            wheels = list(pool.map(lambda package, chosen=chosen: measured(chosen, package), packages))
        lock_path(chosen.name).write_text(to_text(wheels), encoding="utf-8")
        megabytes = sum(wheel.download for wheel in wheels) / 1e6, sum(wheel.unpacked for wheel in wheels) / 1e6
        print(f"{chosen.name}: {len(wheels)} wheels, {megabytes[0]:.0f} MB, {megabytes[1]:.0f} MB unpacked")
    raise SystemExit(int(failed))


if __name__ == "__main__":
    main()
