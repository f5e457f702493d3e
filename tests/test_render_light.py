"""Light, materials, textures and the development of the renderer's pictures."""

from __future__ import annotations

import numpy as np
import torch

from tests.scenes import empty_scene
from train.render import materials, textures
from train.render.camera import camera_rays, intrinsics_of, look
from train.render.lighting import Lamps, illuminate
from train.render.materials import Material
from train.render.post import develop, sample_post
from train.render.scene import Light
from train.render.surface import Stage


def lit_floor(blocker: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Light (32, 32) and points (3, 32, 32) of a black floor, 1 m below a point light at (0, 0)."""
    scene = empty_scene(look(np.array([0.0, 0, 3]), 0, -np.pi / 2, 0, 40))
    scene.lights = [Light(np.array([0.0, 0, 1]), np.zeros((2, 3)), np.full(3, 2.0), np.zeros(3))]
    black = Material(first=np.zeros(3), noise_amount=0.0)
    scene.box((-5, -5, -1), (5, 5, 0), black)
    if blocker:
        scene.box((-0.2, -0.2, 0.5), (0.2, 0.2, 0.55), black)
    stage = Stage(scene)
    intrinsics = intrinsics_of([scene.pose], 32)
    turn = torch.from_numpy(scene.pose.rotation).float()
    rays = (turn @ camera_rays(intrinsics, 32)[0].flatten(1)).T
    origin = torch.tensor([0.0, 0, 0.3 if blocker else 3.0])  # below the blocker
    surface = stage.look(origin.expand_as(rays), rays, 0.01)
    light = illuminate(stage, Lamps.of(stage), surface, 32, torch.Generator().manual_seed(0))
    assert torch.equal(light.matt[:, 0], light.matt[:, 2])
    return light.matt[:, 0].view(32, 32), surface.point.T.view(3, 32, 32)


def test_light_falls_off_and_casts_shadows():
    open_, point = lit_floor(blocker=False)
    distance2 = point[0] ** 2 + point[1] ** 2 + 1
    torch.testing.assert_close(open_, 2 / distance2**1.5, rtol=2e-2, atol=1e-3)
    shaded, point = lit_floor(blocker=True)
    assert (shaded < 0.05).all(), "all of what is seen from below lies in the shadow"


def test_faint_lamps_count_where_bright_ones_are_hidden():
    scene = empty_scene(look(np.array([0.0, 0, 0.3]), 0, -np.pi / 2, 0, 40))
    bright, faint = (np.full(3, x) for x in (200.0, 1.0))
    scene.lights = [
        Light(np.array([0.0, 0, 2]), np.zeros((2, 3)), bright, np.zeros(3)),
        Light(np.array([0.0, 0.6, 0.4]), np.zeros((2, 3)), faint, np.zeros(3)),
    ]
    black = Material(first=np.zeros(3), noise_amount=0.0)
    scene.box((-5, -5, -1), (5, 5, 0), black)
    scene.box((-1, -1, 0.5), (1, 1, 0.55), black)  # hides the bright lamp
    stage = Stage(scene)
    rays = (torch.from_numpy(scene.pose.rotation).float()
            @ camera_rays(intrinsics_of([scene.pose], 32), 32)[0].flatten(1)).T  # fmt: skip
    surface = stage.look(torch.tensor([0.0, 0, 0.3]).expand_as(rays), rays, 0.01)
    light = illuminate(stage, Lamps.of(stage), surface, 32, torch.Generator().manual_seed(0))
    distance2 = surface.point[:, 0] ** 2 + (surface.point[:, 1] - 0.6) ** 2 + 0.16
    torch.testing.assert_close(light.matt[:, 0], 0.4 / distance2**1.5, rtol=3e-2, atol=2e-2)


def test_walls_light_each_other():
    """A red wall beside a white floor in white light reddens it, and most nearby."""
    scene = empty_scene(look(np.array([0.0, 0, 2]), 0, -np.pi / 2, 0, 60))
    scene.lights = [Light(np.array([0.5, 0, 1.5]), np.zeros((2, 3)), np.ones(3), np.zeros(3))]
    scene.box((-3, -3, -1), (3, 3, 0), Material(first=np.full(3, 0.8), noise_amount=0.0))
    scene.box((-3, -3, 0), (-0.9, 3, 2), Material(first=np.array([0.8, 0, 0]), noise_amount=0.0))
    stage = Stage(scene)
    turn = torch.from_numpy(scene.pose.rotation).float()
    rays = (turn @ camera_rays(intrinsics_of([scene.pose], 32), 32)[0].flatten(1)).T
    surface = stage.look(torch.tensor([0.0, 0, 2]).expand_as(rays), rays, 0.01)
    generator = torch.Generator().manual_seed(0)
    light = illuminate(stage, Lamps.of(stage), surface, 32, generator).matt
    floor = surface.point[:, 2].abs() < 1e-3
    near, far = floor & (surface.point[:, 0] < -0.6), floor & (surface.point[:, 0] > 0.6)
    redness = light[:, 0] / light[:, 1].clamp_min(1e-9)
    assert redness[near].mean() > 1.05 * redness[far].mean() > 1.05 * 0.999


def test_checker_has_two_colours_and_soft_edges():
    checker = Material(materials.CHECKER, np.full(3, 0.8), np.full(3, 0.2), period=0.5)
    checker.noise_amount = 0.0
    rows = torch.tensor([checker.row()] * 3).float()
    uv = torch.tensor([[0.25, 0.25], [0.75, 0.25], [0.75, 0.75]])
    bank, rgb = textures.noise_bank(), torch.zeros(3, 3)
    near = materials.albedo(rows, uv, uv, rgb, *[torch.full((3,), 1e-3)] * 2, bank)
    torch.testing.assert_close(near[:, 0], torch.tensor([0.8, 0.2, 0.8]), atol=1e-5, rtol=0)
    uv = torch.tensor([[0.5, 0.25], [0.48, 0.25], [0.52, 0.25]])  # the edge, and 2 cm beside it
    soft = materials.albedo(rows, uv, uv, rgb, *[torch.full((3,), 0.1)] * 2, bank)[:, 0]
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


def test_phones_shake_scatter_and_sharpen():
    """A white square on grey: smeared along the movement, surrounded by light, edges overdrawn."""
    light = torch.full((1, 3, 256, 256), 0.2)
    light[..., 96:160, 96:160] = 4
    plain = {name: 0.0 for name in ("warmth", "tint", "vignette", "noise", "jpeg", "shake",
                                    "shake_angle", "bloom", "sharpen")}  # fmt: skip
    plain |= {"exposure": 0.5, "contrast": 1.0, "saturation": 1.0, "blur": 1.0}

    def shown(**settings: float) -> torch.Tensor:
        return develop(light, [plain | settings], torch.zeros_like(light))[0, 0].int()

    before = shown()
    moved = (shown(shake=24.0, shake_angle=0.0) - before).abs()
    assert moved[128, 86:94].min() > 10 and moved[:92, 128].max() <= 1
    halo = shown(bloom=0.15) - before
    assert halo[128, 92] > 5 > halo[2, 2] >= 0
    drawn = shown(sharpen=0.9)
    assert drawn[128, 94] < before[128, 94] and drawn.max() >= before.max()
