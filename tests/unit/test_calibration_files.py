from __future__ import annotations

import sys
import time
import tracemalloc
from pathlib import Path

import pytest

from inference.capture import calibration_files
from inference.capture.calibration_files import load_xml, read_bytes
from inference.errors import BackendError, CaptureError

NESTED = "".join(f'<!ENTITY e{level} "{f"&e{level - 1};" * 10}">' for level in range(1, 10))
BOMB = f'<?xml version="1.0"?><!DOCTYPE document [<!ENTITY e0 "boom">{NESTED}]><document>&e9;</document>'
LONG = f'<!DOCTYPE d [<!ENTITY a "{"x" * 100_000}">]><d>{"&a;" * 100_000}</d>'
OTHER_FILE = '<!DOCTYPE d [<!ENTITY a SYSTEM "file:///etc/passwd">]><d>&a;</d>'
OTHER_TYPE = '<!DOCTYPE d SYSTEM "http://127.0.0.1:9/d.dtd"><d/>'
PARAMETER = '<!DOCTYPE d [<!ENTITY % p SYSTEM "file:///etc/passwd"> %p;]><d/>'


@pytest.mark.parametrize("text", [BOMB, LONG, OTHER_FILE, OTHER_TYPE, PARAMETER])
def test_entities_are_refused_soon_and_in_little_memory(tmp_path: Path, text: str) -> None:
    path = tmp_path / "cameras.xml"
    path.write_text(text)
    begun = time.process_time()
    tracemalloc.start()
    try:
        with pytest.raises(CaptureError, match=r"cameras\.xml has a document type or entities"):
            load_xml(path)
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()
    assert time.process_time() - begun < 1


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<a><b></a>",
        b"<a>&nothing;</a>",
        b"\x00\x01\x02",
        b'<?xml version="1.0" encoding="nothing"?><a/>',
        b'<?xml version="1.0" encoding="utf-16"?><a/>',
        b"<a>\xff</a>",
        b"<a/>more",
    ],
)
def test_damaged_xml_is_one_sentence(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "cameras.xml"
    path.write_bytes(data)
    with pytest.raises(CaptureError, match=r"^\S*cameras\.xml is not valid XML( \(line \d+\))?; it is cut short or"):
        load_xml(path)


def test_xml_of_other_encodings_is_read(tmp_path: Path) -> None:
    path = tmp_path / "cameras.xml"
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "latin-1"):
        declared = encoding.removesuffix("-sig")
        path.write_text(f'<?xml version="1.0" encoding="{declared}"?><a b="\xe9"/>', encoding=encoding)
        assert load_xml(path).get("b") == "\xe9"


def test_elements_without_number_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration_files, "MOST_MARKS", 100)
    path = tmp_path / "cameras.xml"
    path.write_text(f"<a>{'<b/>' * 98}</a>")
    assert len(load_xml(path)) == 98
    path.write_text(f"<a>{'<b/>' * 99}</a>")
    with pytest.raises(CaptureError, match="more than 100 marks"):
        load_xml(path)


def test_deep_xml_is_no_trouble(tmp_path: Path) -> None:
    path = tmp_path / "cameras.xml"
    path.write_text("<a>" * 100_000 + "</a>" * 100_000)
    root = load_xml(path)
    assert root.tag == "a" and sum(1 for _ in root.iter()) == 100_000


def test_a_missing_reader_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "defusedxml", None)
    with pytest.raises(BackendError, match="'defusedxml'"):
        load_xml(tmp_path / "cameras.xml")


def test_large_files_are_refused_before_they_are_read(tmp_path: Path) -> None:
    path = tmp_path / "cameras.xml"
    with path.open("wb") as file:
        file.truncate(calibration_files.LARGEST + 1)
    with pytest.raises(CaptureError, match="larger than 256 MiB"):
        read_bytes(path)
    path.write_bytes(b"small")
    tracemalloc.start()
    try:
        assert read_bytes(path) == b"small"
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
