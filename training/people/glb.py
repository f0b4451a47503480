"""Reading rigged avatars from glTF 2.0 binary files."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.errors import CaptureError

from .avatar import Avatar, Bytes, Part, Skeleton, Vector

_MAGIC, _JSON, _BINARY = 0x46546C67, 0x4E4F534A, 0x004E4942
_TYPES: dict[int, np.dtype[Any]] = {
    5121: np.dtype("u1"),
    5123: np.dtype("<u2"),
    5125: np.dtype("<u4"),
    5126: np.dtype("<f4"),
}
_COLUMNS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}
_FLAT = np.full((1, 1, 3), (128, 128, 255), np.uint8)  # a normal map without bumps
# glTF has y up and its figures face +z; here z is up and they face -y, as in Blender.
_Z_UP = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])


class _File:
    """The two chunks of a file."""

    def __init__(self, path: Path) -> None:
        data = path.read_bytes()
        magic, version, _ = struct.unpack_from("<III", data)
        length, kind = struct.unpack_from("<II", data, 12)
        if (magic, version, kind) != (_MAGIC, 2, _JSON):
            raise ValueError("it is no glTF 2.0 binary file")
        self.record: dict[str, Any] = json.loads(data[20 : 20 + length])
        size, kind = struct.unpack_from("<II", data, 20 + length)
        if kind != _BINARY:
            raise ValueError("it has no binary chunk")
        self.binary = memoryview(data)[28 + length : 28 + length + size]
        if self.record.get("extensionsRequired"):
            raise ValueError(f"it needs {', '.join(self.record['extensionsRequired'])}")

    def accessor(self, index: int) -> NDArray[Any]:
        """Return an accessor as (count, columns), normalised integers as fractions."""
        accessor = self.record["accessors"][index]
        view = self.record["bufferViews"][accessor["bufferView"]]
        kind, columns = _TYPES[accessor["componentType"]], _COLUMNS[accessor["type"]]
        values: NDArray[Any] = np.ndarray(
            (accessor["count"], columns),
            kind,
            self.binary,
            view.get("byteOffset", 0) + accessor.get("byteOffset", 0),
            (view.get("byteStride", kind.itemsize * columns), kind.itemsize),
        )
        return values / (256**kind.itemsize - 1) if accessor.get("normalized") else values

    def picture(self, texture: int) -> Bytes:
        """Return an embedded picture (H, W, 3), RGB."""
        view = self.record["bufferViews"][
            self.record["images"][self.record["textures"][texture]["source"]]["bufferView"]
        ]
        start = view.get("byteOffset", 0)
        encoded = np.frombuffer(self.binary[start : start + view["byteLength"]], np.uint8)
        decoded = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
        if decoded is None:
            raise ValueError("a texture is damaged")
        return np.ascontiguousarray(decoded[..., ::-1], dtype=np.uint8)


def read_avatar(path: Path) -> Avatar:
    """Read a rigged figure.

    Args:
        path: A .glb without required extensions, with one skin bound in its rest pose, and a base colour texture
            for each mesh.

    Raises:
        CaptureError: If it cannot be read or is none of this form.
    """
    try:
        file = _File(path)
        skin = file.record["skins"][0]
        skeleton, order = _skeleton(file, skin)
        parts = tuple(
            _part(file, primitive, order)
            for node in file.record["nodes"]
            if "mesh" in node
            for primitive in file.record["meshes"][node["mesh"]]["primitives"]
        )
    except OSError as error:
        raise CaptureError(f"{path} cannot be read: {error.strerror or error}.") from None
    except (KeyError, IndexError, TypeError, ValueError, struct.error) as error:
        raise CaptureError(f"{path} is no avatar that can be used ({error}); name a rigged, textured .glb.") from None
    return Avatar(skeleton, parts)


def _skeleton(file: _File, skin: dict[str, Any]) -> tuple[Skeleton, NDArray[np.int32]]:
    """Return the skeleton, parents first, and where each joint of the skin went in it."""
    nodes = file.record["nodes"]
    names: list[str] = []
    parents: list[int] = []
    frames: list[Vector] = []
    place: dict[int, int] = {}

    def visit(node: int, parent: int, frame: Vector) -> None:
        place[node] = len(names)
        own = frame @ _local(nodes[node])
        names.append(nodes[node]["name"])
        parents.append(parent)
        frames.append(own)
        for child in nodes[node].get("children", ()):
            visit(child, place[node], own)

    visit(skin.get("skeleton", skin["joints"][0]), -1, np.eye(4))
    inverse = file.accessor(skin["inverseBindMatrices"]).reshape(-1, 4, 4).transpose(0, 2, 1)
    order = np.array([place[joint] for joint in skin["joints"]], dtype=np.int32)
    if np.abs(np.stack(frames)[order] @ inverse - np.eye(4)).max() > 1e-4:
        raise ValueError("its rest pose is not the pose it was bound in")
    positions = np.stack(frames)[:, :3, 3] @ _Z_UP.T
    return Skeleton(tuple(names), tuple(parents), positions), order


def _local(node: dict[str, Any]) -> Vector:
    x, y, z, w = node.get("rotation", (0.0, 0.0, 0.0, 1.0))
    frame = np.eye(4)
    frame[:3, :3] = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    frame[:3, :3] *= node.get("scale", (1.0, 1.0, 1.0))
    frame[:3, 3] = node.get("translation", (0.0, 0.0, 0.0))
    return frame


def _part(file: _File, primitive: dict[str, Any], order: NDArray[np.int32]) -> Part:
    attributes = {name: file.accessor(index) for name, index in primitive["attributes"].items()}
    material = file.record["materials"][primitive["material"]]
    weights = attributes["WEIGHTS_0"].astype(np.float64)
    return Part(
        positions=attributes["POSITION"].astype(np.float64) @ _Z_UP.T,
        normals=attributes["NORMAL"].astype(np.float64) @ _Z_UP.T,
        texcoords=attributes["TEXCOORD_0"].astype(np.float64),
        triangles=file.accessor(primitive["indices"]).reshape(-1, 3).astype(np.int32),
        joints=order[attributes["JOINTS_0"]],
        weights=weights / weights.sum(axis=1, keepdims=True),
        colour=file.picture(material["pbrMetallicRoughness"]["baseColorTexture"]["index"]),
        bumps=file.picture(material["normalTexture"]["index"]) if "normalTexture" in material else _FLAT,
    )
