"""The renderer's geometry against formulas and slow searches that know nothing of its own."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from depthart.geometry import normals_from_depth, unproject
from tests.scenes import camera_of, empty_scene
from train.render.camera import Pose, focal_length, look, look_at
from train.render.materials import Material
from train.render.primitives import BOX, ELLIPSOID, FRUSTUM, unit_mesh
from train.render.render import render_scenes
from train.render.scene import UP


def world_rays(pose: Pose, size: int) -> np.ndarray:
    """(3, H, W) float64, from the definition of a pinhole camera."""
    at = (np.arange(size) + 0.5 - size / 2) / (0.5 * size / np.tan(np.radians(pose.fov_deg) / 2))
    x, y = np.meshgrid(at, at)
    return np.einsum("ij,jhw->ihw", pose.rotation, np.stack([x, y, np.ones_like(x)]))


def surface_depth(batch) -> np.ndarray:
    """(H, W) depth of the first picture, 0 in the sky."""
    return np.where(batch.normal[0].abs().amax(0) > 0, batch.depth_m[0], 0)


def solid_depth(inside, pose: Pose, size: int, far: float = 6.0) -> np.ndarray:
    """(H, W) first z-depth at which `inside` of points (3, H, W) holds: steps, then bisection."""
    rays, position = world_rays(pose, size), pose.position[:, None, None]
    low, high = np.zeros((size, size)), np.full((size, size), np.inf)
    for t in np.arange(0.0, far, 0.01):
        new = inside(position + rays * t) & np.isinf(high)
        low, high = np.where(new, t - 0.01, low), np.where(new, t, high)
    for _ in range(30):
        middle = np.where(np.isinf(high), 0.0, (low + high) / 2)
        hit = inside(position + rays * middle)
        low, high = np.where(hit, low, middle), np.where(hit & np.isfinite(high), middle, high)
    return np.where(np.isfinite(high), high, 0.0)


def test_camera_axes():
    """Level, looking along +x: the camera's right is -y, its down is -z; the roll turns both."""
    np.testing.assert_allclose(look(np.zeros(3), 0, 0, 0, 60).rotation[:, 0], [0, -1, 0], atol=1e-9)
    np.testing.assert_allclose(look(np.zeros(3), 0, 0, 0, 60).rotation[:, 1], [0, 0, -1], atol=1e-9)
    turned = look(np.zeros(3), 1.0, 0.3, 0.2, 60).rotation
    np.testing.assert_allclose(turned.T @ turned, np.eye(3), atol=1e-9)
    assert np.linalg.det(turned) == pytest.approx(1)
    aimed = look_at(np.array([1.0, 2, 3]), np.array([2.0, 4, 2]), 0.1, 60)
    np.testing.assert_allclose(aimed.rotation[:, 2], np.array([1, 2, -1]) / 6**0.5, atol=1e-9)
    assert focal_length(90, 64) == pytest.approx(32)


def test_z_depth_and_not_distance():
    """A wall square to the camera has one depth; its corners are farther away than its middle."""
    scene = empty_scene(look(np.array([0.0, 0, 1]), 0, 0, 0, 90))
    scene.box((3, -9, -9), (4, 9, 9), Material(), plane={0: 7})
    batch = render_scenes([scene], [0], 32)
    assert batch.depth_m.numpy() == pytest.approx(3, abs=1e-5)
    assert (batch.plane_id == 7).all()
    facing = torch.tensor([0.0, 0, -1])[:, None, None].expand(3, 32, 32)
    torch.testing.assert_close(batch.normal[0], facing, atol=1e-6, rtol=0)
    points = unproject(batch.depth_m[0].numpy(), camera_of(batch, 0))
    corner = 31 / 32  # tan of half the field of view, at the centre of the last pixel
    assert np.linalg.norm(points[0, 0]) == pytest.approx(3 * np.sqrt(1 + 2 * corner**2), rel=1e-5)


def test_floor_under_a_tilted_camera():
    pose = look(np.array([0.5, -0.2, 1.6]), 0.7, -0.9, 0.1, 55)
    scene = empty_scene(pose)
    scene.box((-50, -50, -1), (50, 50, 0), Material(), plane={UP: 1})
    batch = render_scenes([scene], [0], 32)
    np.testing.assert_allclose(batch.depth_m[0], -1.6 / world_rays(pose, 32)[2], rtol=1e-4)
    np.testing.assert_allclose(batch.normal[0, :, 3, 4], pose.rotation.T @ [0, 0, 1], atol=1e-5)


def test_sphere():
    pose = look_at(np.array([0.0, 0, 1]), np.array([2.0, 0.4, 0.8]), 0.1, 50)
    centre, radius = np.array([2.0, 0.3, 0.9]), 0.5
    scene = empty_scene(pose)
    scene.ball(centre, (radius,) * 3, Material())
    batch = render_scenes([scene], [0], 64)
    rays, to = world_rays(pose, 64), pose.position - centre
    a, b = (rays**2).sum(0), np.einsum("i,ihw->hw", to, rays)
    root = b**2 - a * (to @ to - radius**2)
    depth = np.where(root > 0, (-b - np.sqrt(root.clip(0))) / a, 0)
    clear = np.abs(root) > 0.02 * a  # apart from the rim, where the polygon's corners show
    hit = clear & (root > 0)
    assert 500 < hit.sum() < 3000
    np.testing.assert_allclose(surface_depth(batch)[clear], depth[clear], atol=8e-3)
    points = pose.position[:, None, None] + rays * depth
    normal = np.einsum("ji,jhw->ihw", pose.rotation, (points - centre[:, None, None]) / radius)
    np.testing.assert_allclose(batch.normal[0].numpy()[:, hit], normal[:, hit], atol=0.02)
    assert not batch.normal[0, :, ~torch.from_numpy(root > -0.05)].any()
    assert not batch.plane_id.any()


def solids():
    """Name, kind, half sizes, parameters, and which local points in metres lie inside."""
    half = np.array([0.4, 0.25, 0.6])
    yield "box", BOX, half, (2, 1, 0), lambda p: (np.abs(p) < half[:, None, None]).all(0)

    def ball(p):
        return ((p / half[:, None, None]) ** 2).sum(0) < 1

    yield "ellipsoid", ELLIPSOID, half, (2, 0, 0), ball

    def cone(p):
        q = p / half[:, None, None]
        return (np.abs(q[2]) < 1) & (np.hypot(q[0], q[1]) < 0.65 - 0.35 * q[2])

    yield "frustum", FRUSTUM, half, (1, 0.3, 0), cone


@pytest.mark.parametrize("solid", list(solids()), ids=lambda s: s[0])
@pytest.mark.parametrize("up", [-0.9, 0.8])
def test_solids_turned_and_tilted(solid, up):
    """Against a search along each ray that knows nothing of quadratics or slabs."""
    _, kind, half, parameters, inside = solid
    pose = look_at(np.array([0.1, -0.3, 1 + 1.5 * up]), np.array([2.0, 0.1, 1.0]), 0.1, 45)
    scene = empty_scene(pose)
    with scene.at(2.0, 0.1, 1.0, yaw=0.6, tilt=0.5):
        scene.add(kind, (0, 0, 0), half, Material(), parameters)
        origin, turn = scene.frame

    def reference(p):
        return inside(np.einsum("ji,jhw->ihw", turn, p - origin[:, None, None]))

    batch = render_scenes([scene], [0], 32)
    depth = surface_depth(batch)
    expected = solid_depth(reference, pose, 32)
    assert 60 < (expected > 0).sum() < 900
    different = np.abs(depth - expected) > (1e-3 if kind == BOX else 6e-3)
    assert different.sum() <= 5  # grazing rays, which the search steps over, and rims
    slope = normals_from_depth(depth, camera_of(batch, 0))
    agree = (slope * batch.normal[0].permute(1, 2, 0).numpy()).sum(2)
    assert np.median(agree[expected > 0]) > 0.995  # all but edges and rims


@pytest.mark.parametrize(("open_top", "depth"), [(False, 2.0), (True, 2.5)])
def test_looking_into_a_cup(open_top, depth):
    scene = empty_scene(look(np.array([0.0, 0, 2.5]), 0, -np.pi / 2, 0, 40))
    scene.cone((0, 0, 0), 0.5, 0.4, 0.4, Material(), open_top=open_top)
    assert render_scenes([scene], [0], 32).depth_m[0, 16, 16] == pytest.approx(depth, abs=1e-4)


def test_looking_into_a_bowl():
    """Half an ellipsoid, cut at its middle: its inside is seen, and faces the camera."""
    scene = empty_scene(look(np.array([0.0, 0, 2.5]), 0, -np.pi / 2, 0, 40))
    scene.ball((0, 0, 0.5), (0.4, 0.4, 0.5), Material(), clip=0.0)
    batch = render_scenes([scene], [0], 32)
    assert batch.depth_m[0, 16, 16] == pytest.approx(2.5, abs=1e-2)
    assert batch.normal[0, 2, 16, 16] == pytest.approx(-1, abs=1e-2)


def every_triangle(corners: np.ndarray, start: np.ndarray, along: np.ndarray) -> np.ndarray:
    """(N,) first t of rays (N, 3) through triangles (T, 3, 3), by solving for each of them."""
    nearest = np.full(len(start), np.inf)
    for a, b, c in corners:
        n = np.cross(b - a, c - a)
        with np.errstate(divide="ignore", invalid="ignore"):
            t = (a - start) @ n / (along @ n)
        p = start + along * t[:, None]
        sides = [np.cross(q - r, p - r) @ n for r, q in ((a, b), (b, c), (c, a))]
        inside = np.min(sides, axis=0) >= -1e-9
        nearest = np.where(inside & (t > 1e-6) & (t < nearest), t, nearest)
    return nearest


def test_rays_lose_nothing():
    """Hits, interpolated corners and shadows of a scene, against a search of all triangles."""
    scene = empty_scene(look(np.array([0.0, 0, 1]), 0, 0, 0, 60))
    with scene.at(2, 0.2, 0.8, 0.7, 0.4):
        scene.box((-0.3, -0.4, -0.2), (0.3, 0.4, 0.2), Material())
        scene.cone((0, 0, 0.2), 0.5, 0.3, 0.1, Material(), open_top=True)
    scene.ball((3.0, -0.6, 1.2), (0.5, 0.3, 0.4), Material(), clip=0.2)
    scene.box((1.0, 0.4, 1.2), (1.1, 0.6, 1.4), Material(), hidden=True)
    geometry = scene.geometry()
    parts = [
        (unit_mesh(kind, shape), turn * half, centre)
        for kind, shape, turn, half, centre in zip(
            scene.kinds, scene.parameters, scene.rotations, scene.halves, scene.centres, strict=True
        )
    ]
    corners = [(m.vertices @ turn.T + centre)[m.faces] for m, turn, centre in parts]
    assert sum(map(len, corners)) == len(geometry.part)
    rays = world_rays(scene.pose, 24).reshape(3, -1).T
    start = np.broadcast_to(scene.pose.position, rays.shape)
    each = np.stack([every_triangle(c, start, rays) for c in corners])
    found = geometry.first_hit(torch.tensor(start), torch.tensor(rays))
    slow = each.min(0)
    agree = np.isclose(found.t.numpy(), slow, rtol=1e-4) | np.isinf(slow) & np.isinf(
        found.t.numpy()
    )
    assert agree.mean() > 0.99 and np.isfinite(slow).mean() > 0.1
    hit = np.isfinite(slow) & agree
    assert (geometry.part[found.triangle].numpy() == each.argmin(0))[hit].mean() > 0.99
    rise = (found.across.numpy() * rays).sum(1)
    assert (rise[hit & (each.argmin(0) == 0)] < 0).all(), "the box is seen from outside"
    free = geometry.is_free(torch.tensor(start), torch.tensor(rays * 2.5)).numpy()
    slow_free = each[:3].min(0) > 2.5
    assert (free == slow_free).mean() > 0.99, "hidden parts cast no shadow"
