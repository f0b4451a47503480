"""The CUDA kernels compiled as C++ for the CPU, so that their arithmetic is tested without a GPU."""

from __future__ import annotations

import ctypes
import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from torch import Tensor

from inference.splatting import cuda

HARNESS = Path(__file__).parent / "data" / "cuda_on_host.cpp"


class HostKernels:
    """What :class:`inference.splatting.cuda.CudaKernels` is, for tensors on the CPU."""

    def __init__(self, folder: Path) -> None:
        compiler = shutil.which("g++") or shutil.which("clang++")
        if compiler is None:
            pytest.skip("there is no C++ compiler")
        library = folder / "kernels.so"
        definitions = [f"-D{name}={value}" for name, value in cuda.DEFINITIONS.items()]
        options = ["-std=c++20", "-O1", "-shared", "-fPIC", "-pthread", f"-I{cuda.SOURCE.parent}"]
        subprocess.run([compiler, *options, *definitions, str(HARNESS), "-o", str(library)], check=True)
        self._library = ctypes.CDLL(str(library))

    def __call__(self, name: str, blocks: int, threads: int, *arguments: Tensor | int | float) -> None:
        # Eight bytes each: a pointer, a 64-bit integer or a double, as cuda-core passes them.
        packed = b"".join(
            struct.pack("<d", value)
            if isinstance(value, float)
            else struct.pack("<q", value.data_ptr() if isinstance(value, Tensor) else value)
            for value in arguments
        )
        getattr(self._library, f"run_{name}")(blocks, threads, ctypes.create_string_buffer(packed, len(packed)))
