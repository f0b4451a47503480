"""Tiny wheels made on the fly, a package index that serves them, and locks with their real hashes."""

from __future__ import annotations

import hashlib
import os
import random
import threading
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


def write_wheel(folder: Path, name: str, version: str = "1.0", code: str = "", size: int = 0) -> Path:
    """Write a wheel with one module, and ``size`` bytes that cannot be compressed."""
    path = folder / f"{name}-{version}-py3-none-any.whl"
    folder.mkdir(parents=True, exist_ok=True)
    about = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": (code or f"version = {version!r}\n").encode(),
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{about}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    if size:
        files[f"{name}_data.bin"] = random.Random(size).randbytes(size)
    files[f"{about}/RECORD"] = "".join(f"{entry},,\n" for entry in [*files, f"{about}/RECORD"]).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry, content in files.items():
            archive.writestr(zipfile.ZipInfo(entry, (2020, 1, 1, 0, 0, 0)), content)
    return path


def write_lock(path: Path, wheels: Iterable[Path], download: int = 0, unpacked: int = 0) -> Path:
    """Write a lock of wheels, in the form of the real ones."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"# download: {download}", f"# unpacked: {unpacked}"]
    for wheel in wheels:
        name, version = wheel.name.split("-")[:2]
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        lines.append(
            f"{name.replace('_', '-')}=={version} \\\n    --hash=sha256:{'0' * 64} \\\n    --hash=sha256:{digest}"
        )
    path.write_text("\n".join(lines) + "\n")
    return path


@dataclass
class Index:
    """A running package index.

    Args:
        address: Of its simple interface.
        folder: Its wheels.
        served: Names of the files that were asked for.
        held: A name whose file stops in its middle until ``go_on`` is set; ``began`` says that it has begun.
    """

    address: str
    folder: Path
    served: list[str] = field(default_factory=list)
    held: str = ""
    began: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)


@contextmanager
def package_index(folder: Path) -> Iterator[Index]:
    """Serve the wheels of a folder on this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, _, name = self.path.strip("/").partition("/")
            if kind == "simple":
                names = [path.name for path in folder.glob("*.whl")]
                chosen = [entry for entry in names if entry.split("-")[0].replace("_", "-") == name]
                links = "".join(f'<a href="/files/{entry}">{entry}</a><br>' for entry in chosen)
                self._answer(f"<!DOCTYPE html><html><body>{links}</body></html>".encode(), "text/html")
                return
            index.served.append(name)
            content = (folder / name).read_bytes()
            self._answer(content, "application/octet-stream", hold=bool(index.held) and name.startswith(index.held))

        def _answer(self, content: bytes, kind: str, hold: bool = False) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            half = len(content) // 2 if hold else 0
            self.wfile.write(content[:half])
            if hold:
                index.began.set()
                index.go_on.wait(30)
            try:
                self.wfile.write(content[half:])
            except OSError:
                return  # whoever asked has gone

        def log_message(self, *_arguments: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    index = Index(f"http://127.0.0.1:{server.server_port}/simple/", folder)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield index
    finally:
        index.go_on.set()
        server.shutdown()
        thread.join()
        server.server_close()


def pip_environment(address: str) -> dict[str, str]:
    """Return the variables that make pip ask this index and nothing else."""
    return {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": address,
        "PIP_EXTRA_INDEX_URL": "",
        "PIP_FIND_LINKS": "",
        "PIP_RETRIES": "0",
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }
