"""Light, materials, textures and the development of the renderer's pictures."""

from __future__ import annotations

import numpy as np
import torch

from tests.scenes import empty_scene
from train.render import materials, textures
from train.render.camera import camera_rays, intrinsics_of, look
from train.render.lighting import Surface, illuminate
from train.render.materials import Material
from train.render.post import develop, sample_post
from train.render.scene import Light, pack


def lit_floor(blocker: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Irradiance (32, 32) and points (3, 32, 32) of a floor, 1 m below a point light at (0, 0)."""
    scene = empty_scene(look(np.array([0.0, 0, 3]), 0, -np.pi / 2, 0, 40))
    scene.lights = [Light(np.array([0.0, 0, 1]), np.zeros((2, 3)), np.full(3, 2.0), np.zeros(3))]
    scene.ambient = np.zeros(3)
    scene.box((-5, -5, -1), (5, 5, 0), Material())
    if blocker:
        scene.box((-0.2, -0.2, 0.5), (0.2, 0.2, 0.55), Material())
    packed = pack([scene], None, "cpu")
    rays = torch.einsum(
        "bij,bjhw->bihw", packed.turn, camera_rays(intrinsics_of([scene.pose], 32), 32)
    )
    depth = torch.full((1, 32, 32), 3.0)  # of the floor, seen through the blocker
    point = packed.origin[..., None, None] + rays * depth[:, None]
    normal = torch.tensor([0.0, 0, 1]).view(1, 3, 1, 1).expand(1, 3, 32, 32)
    surface = Surface(point, normal, rays / rays.norm(dim=1, keepdim=True), depth, depth > 0)
    noise = torch.rand(1, 4, 32, 32, generator=torch.Generator().manual_seed(0))
    light, shine = illuminate(packed, surface, torch.zeros(1, 32, 32), noise)
    assert not shine.any()
    assert torch.equal(light[:, 0], light[:, 2])
    return light[0, 0], point[0]


def test_light_falls_off_and_casts_shadows():
    open_, point = lit_floor(blocker=False)
    distance2 = point[0] ** 2 + point[1] ** 2 + 1
    torch.testing.assert_close(open_, 2 / distance2**1.5, rtol=1e-3, atol=1e-5)
    shaded, _ = lit_floor(blocker=True)
    assert shaded[16, 16] == 0
    torch.testing.assert_close(shaded[0], open_[0])


def test_checker_has_two_colours_and_soft_edges():
    checker = Material(materials.CHECKER, np.full(3, 0.8), np.full(3, 0.2), period=0.5)
    checker.noise_amount = 0.0
    rows = torch.tensor([checker.row(0)] * 3).float()
    uv = torch.tensor([[0.25, 0.25], [0.75, 0.25], [0.75, 0.75]])
    bank = textures.noise_bank()
    near = materials.albedo(rows, uv, uv, torch.full((3,), 1e-3), bank)
    torch.testing.assert_close(near[:, 0], torch.tensor([0.8, 0.2, 0.8]), atol=1e-5, rtol=0)
    uv = torch.tensor([[0.5, 0.25], [0.48, 0.25], [0.52, 0.25]])  # the edge, and 2 cm beside it
    soft = materials.albedo(rows, uv, uv, torch.full((3,), 0.1), bank)[:, 0]
    torch.testing.assert_close(soft, torch.tensor([0.5, 0.62, 0.38]), atol=1e-4, rtol=0)


def test_textures_repeat_and_blur_with_the_footprint():
    bank = textures.noise_bank()
    index, uv = torch.zeros(50, dtype=torch.int64), torch.rand(50, 2)
    small, big = torch.zeros(50), torch.full((50,), 10.0)
    near = textures.sample(bank, index, uv, small)
    torch.testing.assert_close(textures.sample(bank, index, uv + 3, small), near, atol=0.02, rtol=0)
    assert textures.sample(bank, index, uv, big).std() < 0.2 * near.std()


def test_exposure_is_automatic():
    """A room twice as bright gives the same picture; noise and JPEG differ between settings."""
    light, noise = torch.rand(1, 3, 32, 32) + 0.1, torch.randn(1, 3, 32, 32)
    settings = sample_post(np.random.default_rng(3)) | {"jpeg": 0.0}
    picture = develop(light, [settings], noise)
    brighter = develop(light * 2, [settings], noise)
    assert (picture.int() - brighter.int()).abs().max() <= 1
    coded = develop(light, [settings | {"jpeg": 50.0}], noise)
    assert 0 < (coded.int() - picture.int()).abs().float().mean() < 30
