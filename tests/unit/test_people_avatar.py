"""Avatars: files, skeletons and poses."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from inference.errors import CaptureError
from tests.shared_data import SHARED
from training.people.bodies import random_body
from training.people.glb import read_avatar
from training.people.model import posed_mesh
from training.people.persons import HELD_OUT, person_of, training_avatars
from training.people.poses import is_clear, random_pose, rotation
from training.people.skinning import pose_skeleton, skin

PEOPLE = SHARED / "people"
needs_people = pytest.mark.skipif(not PEOPLE.is_dir(), reason="the avatars are not here")


def write_glb(path: Path, positions: Any) -> None:
    """A quad of ``positions`` (4, 3), y up, on two bones: the root, and one a metre above, turned by 90 degrees."""
    half = 0.5**0.5
    inverse = np.tile(np.eye(4, dtype=np.float32), (2, 1, 1))
    turned = np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1]], np.float32)  # about z, as the node's quaternion below
    inverse[1, :3, :3] = turned.T
    inverse[1, :3, 3] = turned.T @ [0, -1, 0]
    picture = np.zeros((4, 4, 3), np.uint8)
    picture[..., 2] = 200  # red for OpenCV
    encoded = cv2.imencode(".png", picture)[1].tobytes()
    arrays: list[tuple[bytes, dict[str, Any]]] = [
        (inverse.transpose(0, 2, 1).tobytes(), {"componentType": 5126, "count": 2, "type": "MAT4"}),
        (np.float32(positions).tobytes(), {"componentType": 5126, "count": 4, "type": "VEC3"}),
        (np.tile(np.float32([0, 0, 1]), (4, 1)).tobytes(), {"componentType": 5126, "count": 4, "type": "VEC3"}),
        (
            np.uint16([[0, 0], [65535, 0], [65535, 65535], [0, 65535]]).tobytes(),
            {"componentType": 5123, "count": 4, "type": "VEC2", "normalized": True},
        ),
        (np.uint8([[0, 1, 0, 0]] * 4).tobytes(), {"componentType": 5121, "count": 4, "type": "VEC4"}),
        (
            np.uint8([[255, 0, 0, 0]] * 2 + [[0, 255, 0, 0]] * 2).tobytes(),
            {"componentType": 5121, "count": 4, "type": "VEC4", "normalized": True},
        ),
        (np.uint16([0, 1, 2, 0, 2, 3]).tobytes(), {"componentType": 5123, "count": 6, "type": "SCALAR"}),
    ]
    binary, views, accessors = b"", [], []
    for index, (data, accessor) in enumerate(arrays):
        views.append({"buffer": 0, "byteOffset": len(binary), "byteLength": len(data)})
        accessors.append({**accessor, "bufferView": index})
        binary += data + b"\0" * (-len(data) % 4)
    views.append({"buffer": 0, "byteOffset": len(binary), "byteLength": len(encoded)})
    binary += encoded + b"\0" * (-len(encoded) % 4)
    names = ("POSITION", "NORMAL", "TEXCOORD_0", "JOINTS_0", "WEIGHTS_0")
    record = {
        "asset": {"version": "2.0"},
        # The tip stands before its parent, and the skin lists them the other way round than the nodes.
        "nodes": [
            {"name": "Tip", "translation": [0, 1, 0], "rotation": [0, 0, half, half]},
            {"name": "Root", "children": [0]},
            {"name": "Body", "mesh": 0, "skin": 0},
        ],
        "skins": [{"joints": [1, 0], "skeleton": 1, "inverseBindMatrices": 0}],
        "meshes": [
            {"primitives": [{"attributes": {n: i + 1 for i, n in enumerate(names)}, "indices": 6, "material": 0}]}
        ],
        "materials": [{"pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}}],
        "textures": [{"source": 0}],
        "images": [{"bufferView": len(views) - 1, "mimeType": "image/png"}],
        "accessors": accessors,
        "bufferViews": views,
    }
    text = json.dumps(record).encode()
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<II", len(text), 0x4E4F534A) + text + struct.pack("<II", len(binary), 0x004E4942) + binary
    path.write_bytes(struct.pack("<III", 0x46546C67, 2, 12 + len(chunks)) + chunks)


QUAD = [[-1.0, 0.0, 0.5], [1.0, 0.0, 0.5], [1.0, 2.0, 0.5], [-1.0, 2.0, 0.5]]


def test_a_file_becomes_a_figure_with_z_up(tmp_path: Path) -> None:
    write_glb(tmp_path / "two.glb", QUAD)
    avatar = read_avatar(tmp_path / "two.glb")
    assert avatar.skeleton.names == ("Root", "Tip")
    assert avatar.skeleton.parents == (-1, 0)
    np.testing.assert_allclose(avatar.skeleton.positions, [[0, 0, 0], [0, 0, 1]], atol=1e-6)
    (part,) = avatar.parts
    np.testing.assert_allclose(part.positions, [[-1, -0.5, 0], [1, -0.5, 0], [1, -0.5, 2], [-1, -0.5, 2]], atol=1e-6)
    np.testing.assert_allclose(part.normals, np.tile([0, -1, 0], (4, 1)), atol=1e-6)
    np.testing.assert_allclose(part.texcoords, [[0, 0], [1, 0], [1, 1], [0, 1]])
    assert part.joints[:, 0].tolist() == [0, 0, 0, 0]
    assert part.joints[2:, 1].tolist() == [1, 1]
    assert part.colour[0, 0].tolist() == [200, 0, 0]
    assert part.bumps[0, 0].tolist() == [128, 128, 255]


def test_a_joint_turns_what_hangs_on_it(tmp_path: Path) -> None:
    write_glb(tmp_path / "two.glb", QUAD)
    avatar = read_avatar(tmp_path / "two.glb")
    # Positive front lifts the body's left side, which is +x.
    posed = pose_skeleton(avatar.skeleton, {"Tip": rotation(0, 0, 90)})
    ((positions, normals),) = skin(avatar, posed)
    np.testing.assert_allclose(positions[:2], avatar.parts[0].positions[:2], atol=1e-9)
    # About (0, 0, 1): one up and one to the left become one to the right and one up.
    np.testing.assert_allclose(positions[2], [-1, -0.5, 2], atol=1e-6)
    np.testing.assert_allclose(normals[2], [0, -1, 0], atol=1e-6)


def test_damaged_files_are_named(tmp_path: Path) -> None:
    write_glb(tmp_path / "whole.glb", QUAD)
    whole = (tmp_path / "whole.glb").read_bytes()
    broken = tmp_path / "broken.glb"
    for content in (b"", whole[:100], whole[:-60], b"PK" + whole[2:], whole.replace(b"WEIGHTS_0", b"WEIGHTS_9")):
        broken.write_bytes(content)
        with pytest.raises(CaptureError, match=r"broken\.glb is no avatar"):
            read_avatar(broken)
    with pytest.raises(CaptureError, match=r"none\.glb cannot be read"):
        read_avatar(tmp_path / "none.glb")


def test_held_out_persons_are_never_trained_on(tmp_path: Path) -> None:
    assert len(set(HELD_OUT)) == 6
    for person in (*HELD_OUT, "Asian_F_22", "X_NHPI_F_1"):
        for outfit in ("Casual", "Busi"):
            (tmp_path / f"{person}_{outfit}.glb").touch()
    assert {person_of(path) for path in training_avatars(tmp_path)} == {"Asian_F_22", "X_NHPI_F_1"}
    (tmp_path / "empty").mkdir()
    with pytest.raises(CaptureError, match="holds no avatars"):
        training_avatars(tmp_path / "empty")


def test_poses_are_natural_and_stand_on_the_ground() -> None:
    random = np.random.default_rng(5)
    body = random_body(random)
    names = body.skeleton.names
    hand_heights = []
    for _ in range(20):
        pose = random_pose(random, body.skeleton)
        posed = pose_skeleton(body.skeleton, pose)
        assert is_clear(body.skeleton, posed)
        place = dict(zip(names, posed.positions, strict=True))
        hand_heights += [place[f"{side}Hand"][2] - place[f"{side}Arm"][2] for side in ("Left", "Right")]
        assert place["Head"][2] > place["Hips"][2] + 0.4
        for side in ("Left", "Right"):
            # Knees bend backwards only: the knee never lies behind the line from hip to ankle (front is -y).
            hip, knee, ankle = (place[f"{side}{joint}"] for joint in ("UpLeg", "Leg", "Foot"))
            share = (hip[2] - knee[2]) / (hip[2] - ankle[2])
            assert knee[1] < hip[1] + share * (ankle[1] - hip[1]) + 0.02
    assert np.median(hand_heights) < -0.2  # mostly not the T-pose
    mesh = posed_mesh(body, pose, height=1.6)
    np.testing.assert_allclose(mesh.positions[:, 2].min(), 0.0, atol=1e-9)
    tall = posed_mesh(body, {}, height=1.6).positions
    np.testing.assert_allclose(np.ptp(tall[:, 2]), 1.6, atol=0.03)


def test_arms_in_the_body_are_noticed() -> None:
    body = random_body(np.random.default_rng(0))
    straight_down = {"LeftArm": rotation(0, 0, -100)}
    assert is_clear(body.skeleton, pose_skeleton(body.skeleton, {}))
    assert not is_clear(body.skeleton, pose_skeleton(body.skeleton, straight_down))


@needs_people
def test_avatars_of_the_library_can_be_posed() -> None:
    files = sorted(PEOPLE.glob("*.glb"))
    avatar = read_avatar(files[0])
    assert len(avatar.skeleton.names) == 69
    hand = avatar.parts[0].joints[np.arange(len(avatar.parts[0].joints)), avatar.parts[0].weights.argmax(axis=1)]
    moved = skin(avatar, pose_skeleton(avatar.skeleton, {"RightArm": rotation(0, 0, 50)}))[0][0]
    shift = np.linalg.norm(moved - avatar.parts[0].positions, axis=1)
    is_hand = hand == avatar.skeleton.names.index("RightHandMiddle1")
    assert 0.3 < np.median(shift[is_hand]) < 0.6
    assert shift[hand == avatar.skeleton.names.index("LeftHand")].max() < 1e-9
