"""Damage to files of captures: what comes of it is a capture or one sentence, soon, and in little memory."""

from __future__ import annotations

import time
import tracemalloc
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from inference.capture import read_capture
from inference.errors import SightlineError
from inference.view import Capture

LONGEST = 2.0  # Seconds of the processor.
MOST = 64 << 20  # Bytes.

# What readers trip over where they await a number, a name or a mark.
TOKENS = (
    *(b"nan", b"inf", b"-inf", b"1e400", b"-1", b"0", b"1e-320", b"4294967296", b"99999999999999999999", b"1_0"),
    *(b"", b" ", b",", b"\n", b"\r\n", b"\t", b"\0", b"\xff", b"\xef\xbb\xbf", b"\xff\xfe", b"../../x", b"/x"),
    *(b'"', b"'", b"<", b"</", b"/>", b"&x;", b"<!--", b"[", b"]", b"{", b"}", b":", b"null", b"[[[[[[[[", b"%s", b"#"),
)


@st.composite
def damaged(draw: st.DrawFn, data: bytes) -> bytes:
    """Return what is left of a file of which pieces were cut out, put in, repeated, swapped or overwritten."""
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.one_of(st.integers(0, 12), st.integers(0, len(data)))))
        piece = data[start:end]
        kind = draw(st.integers(0, 5))
        if kind == 0:
            put = b""
        elif kind == 1:
            put = draw(st.sampled_from(TOKENS))
        elif kind == 2:
            put = draw(st.binary(max_size=16))
        elif kind == 3:
            put = piece[:2000] * 2
        elif kind == 4:
            put = piece[::-1]
        else:
            # The file is cut short.
            put, end = b"", len(data)
        data = data[:start] + put + data[end:]
    return data


def check_damage(folder: Path, data: bytes, name: str, examples: int = 60) -> None:
    """Read a capture again and again, one file of it damaged in another way each time.

    Args:
        folder: Of the capture, with its pictures and its other files. Its file ``name`` is overwritten.
        data: The undamaged file.
        name: What is opened: a path below the folder.
        examples: How many ways; the same ones each time.
    """
    path = folder / name
    path.write_bytes(data)
    # Before anything is measured: what the reader imports, and that the sample is a good one.
    assert isinstance(read_capture(path), Capture)

    @settings(
        max_examples=examples,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(damaged(data))
    def read(changed: bytes) -> None:
        path.write_bytes(changed)
        begun = time.process_time()
        tracemalloc.reset_peak()
        try:
            assert isinstance(read_capture(path), Capture)
        except SightlineError as error:
            sentence = str(error)
            assert sentence and "\n" not in sentence and sentence.endswith((".", "!", "?")), sentence
        assert time.process_time() - begun < LONGEST
        assert tracemalloc.get_traced_memory()[1] < MOST

    tracemalloc.start()
    try:
        read()
    finally:
        tracemalloc.stop()
        path.write_bytes(data)
