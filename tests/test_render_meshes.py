"""Meshes: what curved shapes are like, what comes from disk, and where the renderer puts it."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
import torch
from PIL import Image

from tests.scenes import empty_scene
from train.render import curved, objects
from train.render.assets import Assets, load_mesh
from train.render.camera import look
from train.render.geometry import Geometry
from train.render.layouts import build_layout, has_layouts
from train.render.materials import Material
from train.render.mesh import Mesh, flat_normals, grid_faces, smooth_normals
from train.render.primitives import unit_ball, unit_box, unit_cone
from train.render.render import make_scene, render_batch, render_scenes
from train.render.rooms import build_room
from train.render.scene import Scene
from train.render.views import place_camera


def volume(mesh: Mesh) -> float:
    """Enclosed volume of a closed mesh; negative if its triangles face inwards."""
    a, b, c = np.moveaxis(mesh.vertices[mesh.faces].astype(float), 1, 0)
    return float(np.einsum("fi,fi->f", a, np.cross(b, c)).sum() / 6)


def test_unit_shapes_enclose_their_volume():
    assert volume(unit_box()) == pytest.approx(8)
    assert volume(unit_ball(1.0)) == pytest.approx(4 / 3 * np.pi, rel=0.02)
    assert volume(unit_cone(1.0, 1.0, False)) == pytest.approx(2 * np.pi, rel=1e-3)
    assert volume(unit_cone(1.0, 0.0, False)) == pytest.approx(2 * np.pi / 3, rel=1e-3)


def test_curved_shapes_enclose_their_volume():
    rod = curved.tube(np.linspace([0, 0, 0], [0, 0, 2], 5), 0.1, 40)
    assert volume(rod) == pytest.approx(2 * np.pi * 0.1**2, rel=0.02)
    can = curved.lathe(np.array([[0, 0], [0.5, 0], [0.5, 1], [0, 1]]), 60)
    assert volume(can) == pytest.approx(np.pi * 0.25, rel=0.02)
    assert volume(curved.superquadric(1, 1, 60)) == pytest.approx(4 / 3 * np.pi, rel=0.02)
    assert 7 < volume(curved.superquadric(0.1, 0.1, 60)) < 8, "nearly a box"
    assert volume(curved.cushion(np.random.default_rng(0))) > 2


def test_curve_meets_its_points():
    points = np.array([[0, 0], [1, 2], [3, 1], [4, 4.0]])
    path = curved.spline(points, 301)
    assert path[[0, 100, 200, 300]] == pytest.approx(points, abs=1e-6)
    assert np.linalg.norm(np.diff(path, axis=0), axis=1).max() < 0.05


def test_normals_are_smooth_but_for_creases():
    """Across a roof's ridge of 90 degrees they stay apart, over a bend of 10 degrees they meet."""
    for fall, together in ((1.0, False), (np.tan(np.radians(5)), True)):
        points = np.array([[x, y, -fall * abs(x)] for y in (0, 1) for x in (-1, 0, 1)])
        faces = grid_faces(2, 3)
        normals = smooth_normals(points, faces)
        ridge = normals[points[faces][..., 0] == 0]
        assert np.allclose(ridge, [0, 0, 1], atol=0.05) == together
        assert (flat_normals(points[faces])[:, 2] > 0).all()
        assert np.linalg.norm(normals, axis=2) == pytest.approx(1)


@pytest.fixture
def folder(tmp_path):
    """A red and blue crate of 0.3 m, a green pyramid, walls, and a shop made of them."""
    box = unit_box()
    vertices = (box.vertices * 0.15 + [0, 0, 0.15]).astype(np.float32)
    uv = np.where(vertices[:, :1] > 0, 0.75, 0.25) * np.ones((1, 2))
    picture = np.zeros((64, 64, 3), np.uint8)
    picture[:, :32], picture[:, 32:] = (200, 0, 0), (0, 0, 200)
    jpeg = io.BytesIO()
    Image.fromarray(picture).save(jpeg, "JPEG", quality=95)
    np.savez(tmp_path / "crate.npz", vertices=vertices, faces=box.faces, uv=uv,
             texture_jpeg=np.frombuffer(jpeg.getvalue(), np.uint8))  # fmt: skip
    tip = np.array([[-0.1, -0.1, 0], [0.1, -0.1, 0], [0, 0.1, 0], [0, 0, 0.2]], np.float32)
    np.savez(tmp_path / "tip.npz", vertices=tip,
             faces=np.array([[0, 1, 3], [1, 2, 3], [2, 0, 3], [0, 2, 1]]),
             vertex_color=np.full((4, 3), (0, 255, 0), np.uint8))  # fmt: skip
    walls = unit_box()
    np.savez(tmp_path / "walls.npz", vertices=walls.vertices * [4, 4, 1.5] + [0, 0, 1.5],
             faces=walls.faces[:, ::-1], vertex_color=np.full((8, 3), 200, np.uint8))  # fmt: skip

    def entry(name: str, size: list[float], shell: bool = False) -> dict:
        return {"id": name, "category": "toy", "size": size, "faces": 12, "shell": shell,
                "cutout": False}  # fmt: skip

    made = [entry("crate", [0.3] * 3), entry("tip", [0.2] * 3), entry("walls", [8, 8, 3], True)]
    (tmp_path / "manifest.json").write_text(json.dumps({"objects": made}))
    placed = [("walls", 0, 0), ("crate", 1, 0), ("crate", 0, 1.5), ("tip", -1, -1)]
    placements = [{"id": name, "x": x, "y": y, "z": 0, "yaw": 0, "quat_wxyz": [1, 0, 0, 0]}
                  for name, x, y in placed]  # fmt: skip
    (tmp_path / "layouts.json").write_text(json.dumps({"shop": {"placements": placements}}))
    return tmp_path


def test_loaded_meshes_keep_size_and_colours(folder):
    scene = empty_scene(look(np.array([-2.0, 0, 0.15]), 0, 0, 0, 30))
    scene.assets = Assets(meshes=folder)
    scene.loaded(folder / "crate.npz")
    with scene.at(0, 0.35):
        scene.loaded(folder / "tip.npz")
    scene.box((3, -9, -9), (4, 9, 9), Material())
    batch = render_scenes([scene], [0], 64)
    assert batch.depth_m[0, 32, 32] == pytest.approx(1.85, abs=1e-4)
    seen = (batch.depth_m[0] < 3).nonzero()
    wide = seen[:, 1][seen[:, 1] > 20].float()  # the crate; the pyramid is left of it
    focal = batch.intrinsics[0, 0].item()
    assert (wide.max() - wide.min() + 1) / focal * 1.85 == pytest.approx(0.3, abs=0.04)
    red, green, blue = batch.image[0, :, 32, 32].int()
    assert red > green + 60 and red > blue + 60
    tip = batch.image[0, :, seen[seen[:, 1] < 19][:, 0].median(), 11].int()
    assert tip[1] > tip[0] + 30 and tip[1] > tip[2] + 30


def test_objects_stand_on_flat_places(folder):
    info = objects.roles(folder)["small"][0]
    assert info.name == "crate"
    scene = Scene(np.random.default_rng(0), Assets(meshes=folder))
    scene.loaded(info.path)
    objects.load(scene, info, 40)
    assert len(scene.kinds) > 1
    geometry = Geometry(
        [load_mesh(info.path).mesh], np.zeros((1, 3)), np.eye(3)[None], np.zeros(1, bool)
    )
    down = geometry.first_hit(torch.tensor([[0.0, 0, 5]]), torch.tensor([[0.0, 0, -1]]))
    assert down.t.item() == pytest.approx(4.7)
    assert all(centre[2] >= 0.29 for centre in scene.centres[1:])


def test_scenes_with_meshes(folder):
    """Meshes change scenes, and the same seed gives the same one."""
    assets, seeds = Assets(meshes=folder), [1, 2]
    batch, again = (render_batch(seeds, 32, assets=assets) for _ in range(2))
    assert torch.equal(batch.image, again.image) and torch.equal(batch.depth_m, again.depth_m)
    assert not torch.equal(batch.depth_m, render_batch(seeds, 32).depth_m)
    used = {path.stem for seed in range(6) for path in make_scene(seed, assets).textures}
    assert "crate" in used


@pytest.mark.parametrize("style", ["desk", "still_life"])
def test_desks_and_still_lifes(folder, style):
    """Most cameras look at a table on which things stand: a plane, and what hides parts of it."""
    seen = 0
    for seed in range(6):
        scene = Scene(np.random.default_rng(seed), Assets(meshes=folder))
        room = build_room(scene, style)
        scene.pose = place_camera(scene, room)
        x, y, z = scene.pose.position
        assert 0 < x < room.width and 0 < y < room.depth and 0.2 < z < room.height
        tables = room.desks[::2] if style == "desk" else [(*room.table_middle, room.table_height)]
        looked_at = False
        for place in tables:
            above = torch.tensor([[*place[:2], place[2] + 0.5]]).float()
            along = torch.tensor([[0.0, 0, -1]])
            assert scene.geometry().first_hit(above, along).t.item() <= 0.501
            towards = scene.pose.rotation.T @ (np.asarray(place) - scene.pose.position)
            looked_at |= towards[2] > 0 and (np.abs(towards[:2]) < 0.7 * towards[2]).all()
        seen += looked_at
    assert seen >= 3


def test_layouts_become_scenes(folder):
    scene = Scene(np.random.default_rng(0), Assets(meshes=folder))
    assert has_layouts(scene) and not has_layouts(Scene(np.random.default_rng(0)))
    room = build_layout(scene)
    assert (room.width, room.depth) == (8, 8)
    hits = scene.geometry().first_hit(  # the crates and the pyramid, from above and under the roof
        torch.tensor([[5.0, 4, 2.5], [4, 5.5, 2.5], [3, 3 - 0.03, 2.5]]),
        torch.tensor([[0.0, 0, -1]]).expand(3, 3),
    )
    np.testing.assert_allclose(hits.t, [2.2, 2.2, 2.36], atol=1e-4)


def test_missing_meshes(tmp_path):
    with pytest.raises(FileNotFoundError, match="manifest.json"):
        render_batch([0], 32, assets=Assets(meshes=tmp_path))
    with pytest.raises(FileNotFoundError, match="no .npy panorama"):
        render_batch([0], 32, assets=Assets(environments=tmp_path))
