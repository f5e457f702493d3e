"""Point clouds and meshes: files that other programs read, with the numbers that were written."""

import json
import struct

import numpy as np
import pytest
import trimesh

from depthart.export.glb import srgb_to_linear16
from depthart.export.three_d import grid_mesh
from tests.test_export import prediction as prediction
from tests.test_export import saved as saved


def glb_parts(path):
    """The JSON and the binary chunk, after checking the container."""
    data = path.read_bytes()
    magic, version, total = struct.unpack_from("<4sII", data)
    assert (magic, version, total) == (b"glTF", 2, len(data))
    length, kind = struct.unpack_from("<I4s", data, 12)
    assert kind == b"JSON" and length % 4 == 0
    size, kind = struct.unpack_from("<I4s", data, 20 + length)
    assert kind == b"BIN\0" and 28 + length + size == total
    return json.loads(data[20 : 20 + length]), data[28 + length :]


def accessor(document, binary, index, dtype, columns):
    part = document["accessors"][index]
    view = document["bufferViews"][part["bufferView"]]
    values = np.frombuffer(binary, dtype, part["count"] * columns, view["byteOffset"])
    return values.reshape(-1, columns)


def test_ply(saved, prediction):
    cloud = prediction.points()
    read = trimesh.load(saved[0] / "cloud.ply")
    assert np.allclose(read.vertices, cloud.xyz * [1, -1, -1])
    assert np.array_equal(read.colors[:, :3], cloud.rgb)
    header = (saved[0] / "cloud.ply").read_bytes().split(b"end_header")[0]
    assert b"comment unit: relative" in header and b"comment kind: scale_invariant" in header


def test_glb_cloud(saved, prediction):
    cloud = prediction.points()
    document, binary = glb_parts(saved[0] / "cloud.glb")
    primitive = document["meshes"][0]["primitives"][0]
    assert primitive["mode"] == 0
    xyz = accessor(document, binary, primitive["attributes"]["POSITION"], "<f4", 3)
    assert np.allclose(xyz, cloud.xyz * [1, -1, -1])
    bounds = document["accessors"][primitive["attributes"]["POSITION"]]
    assert np.allclose(bounds["min"], xyz.min(0)) and np.allclose(bounds["max"], xyz.max(0))
    linear = accessor(document, binary, primitive["attributes"]["COLOR_0"], "<u2", 4)
    assert document["accessors"][primitive["attributes"]["COLOR_0"]]["normalized"] is True
    assert np.all(linear[:, 3] == 65535)
    share = linear[:, :3] / 65535
    srgb = np.where(share <= 0.0031308, share * 12.92, 1.055 * share ** (1 / 2.4) - 0.055)
    assert np.array_equal((srgb * 255).round().astype(np.uint8), cloud.rgb)  # nothing is lost
    assert document["asset"]["extras"]["unit"] == "relative"


def test_glb_cloud_loads_elsewhere(saved, prediction):
    scene = trimesh.load(saved[0] / "cloud.glb")
    (cloud,) = scene.geometry.values()
    assert np.allclose(cloud.vertices, prediction.points().xyz * [1, -1, -1])


def test_linear_colors_by_hand():
    """sRGB 188 is half of the light; black and white stay."""
    linear = srgb_to_linear16(np.array([[0, 188, 255]], np.uint8))[0]
    assert linear[[0, 2, 3]].tolist() == [0, 65535, 65535]
    assert linear[1] / 65535 == pytest.approx(0.5, abs=0.005)


def test_mesh(saved, prediction):
    scene = trimesh.load(saved[0] / "mesh.glb")
    (mesh,) = scene.geometry.values()
    expected = grid_mesh(prediction)
    assert np.allclose(mesh.vertices, expected.xyz * [1, -1, -1])
    assert np.array_equal(mesh.faces, expected.faces)
    depths = -mesh.vertices[:, 2][mesh.faces]
    assert np.all(depths.max(1) == depths.min(1))  # no triangle bridges board and wall
    assert set(depths.ravel()) == {0.5, 1.0}
    assert np.all(mesh.face_normals[:, 2] > 0.99)  # towards the camera
    board_quads, wall_quads = 29 * 39, 59 * 79 - 31 * 41
    assert len(mesh.faces) == 2 * (board_quads + wall_quads)
    assert mesh.faces.max() == len(mesh.vertices) - 1


def test_mesh_texture_is_the_photo(saved, prediction):
    document, _ = glb_parts(saved[0] / "mesh.glb")
    assert document["images"][0]["mimeType"] == "image/jpeg"
    (mesh,) = trimesh.load(saved[0] / "mesh.glb").geometry.values()
    texture = np.asarray(mesh.visual.material.baseColorTexture)
    assert texture.shape == (60, 80, 3)
    assert np.abs(texture.astype(int) - prediction.photo.rgb).mean() < 10
    # Each vertex looks up the pixel it came from (trimesh turns v upside down on reading).
    u, v = mesh.visual.uv[:, 0], 1 - mesh.visual.uv[:, 1]
    camera = prediction.intrinsics
    x, y, z = (mesh.vertices * [1, -1, -1]).T
    assert np.allclose(u, (camera.fx * x / z + camera.cx) / 80, atol=1e-5)
    assert np.allclose(v, (camera.fy * y / z + camera.cy) / 60, atol=1e-5)
