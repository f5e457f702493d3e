"""Sky, what lies under it, soft edges, defocus."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.scenes import empty_scene
from train.render import sky
from train.render.camera import intrinsics_of, look, rays_through
from train.render.edges import soften_edges
from train.render.materials import Material
from train.render.outdoor import build_outdoors
from train.render.people import person
from train.render.plants import pot_plant, tree
from train.render.post import defocus
from train.render.render import BEYOND, render_scenes
from train.render.scene import Scene
from train.render.surface import Stage


def test_panoramas_turn_and_wrap():
    pixels = np.full((16, 32, 3), 0.5, np.float32)
    pixels[4, 8] = 20.0  # a quarter turn from column 0, and high
    made = sky._finished(pixels)
    assert made.sun == pytest.approx([-0.076, 0.77, 0.634], abs=0.01)
    turned = sky.Sky(made, level=2.0, yaw=np.pi / 2)
    towards = torch.tensor(np.stack([made.sun, turned.to_sun(), -made.sun])).float()
    bright = turned.radiance(towards).mean(1)
    assert bright[1] > 5 * bright[0] and bright[0] == pytest.approx(bright[2].item(), rel=1e-3)
    around = torch.linspace(-np.pi, np.pi, 100)
    level = torch.stack([around.cos(), around.sin(), torch.zeros(100)], 1)
    assert turned.radiance(level).std() < 1e-3, "no seam"
    assert not sky.Sky().radiance(level).any()


def test_panorama_files(tmp_path):
    np.save(tmp_path / "square.npy", np.zeros((8, 8, 3)))
    with pytest.raises(ValueError, match=r"expected \(H, 2 H, 3\), got \(8, 8, 3\)"):
        sky.read_panorama(tmp_path / "square.npy")


def test_the_sky_lies_beyond_all_surfaces():
    scene = empty_scene(look(np.array([0.0, 0, 1]), 0, 0, 0, 60))
    scene.sky, scene.outdoors = sky.Sky(sky.painted(0)), True
    scene.box((-9, -9, -1), (20, 9, 0), Material())
    batch = render_scenes([scene], [0], 32)
    seen = batch.normal[0].abs().amax(0) > 0
    assert not seen[:15].any() and seen[20:].all()
    depth = batch.depth_m[0]
    assert torch.equal(depth[~seen].unique(), BEYOND * depth[seen].max()[None])
    assert not batch.plane_id[0, ~seen].any()
    assert batch.image[0, :, :15].float().mean() > 60, "it is bright"


@pytest.mark.parametrize("seed", range(4))
def test_outdoors_holds_many_things_on_the_ground(seed):
    scene = Scene(np.random.default_rng(seed))
    room = build_outdoors(scene)
    assert scene.outdoors and scene.sky.panorama is not None
    assert len(scene.kinds) > 30 and room.width > 5
    lowest = scene.geometry()
    down = torch.tensor([[room.width / 2, room.depth / 2, 30.0]])
    assert torch.isfinite(lowest.first_hit(down, torch.tensor([[0.0, 0, -1]])).t).all()


def test_figures_and_plants_stand_on_their_feet():
    for build, low, high in (
        (lambda s: person(s), 0.9, 2.1),
        (lambda s: person(s, sitting=True), 0.8, 1.6),
        (lambda s: pot_plant(s, 1.0), 0.4, 2.2),
        (lambda s: tree(s, 6.0), 3.0, 8.0),
    ):
        for seed in range(5):
            scene = Scene(np.random.default_rng(seed))
            build(scene)
            flat = torch.arange(-1, 1, 0.02)
            x, y = (a.flatten() for a in torch.meshgrid(flat, flat, indexing="ij"))
            start = torch.stack([x, y, torch.full_like(x, 20)], 1)
            down = torch.tensor([0.0, 0, -1]).expand_as(start)
            top = 20 - scene.geometry().first_hit(start, down).t.min().item()
            up = (
                scene.geometry().first_hit(start - torch.tensor([0, 0, 40.0]), -down).t.min().item()
            )
            assert low < top < high
            assert -0.2 < up - 20 < 0.12, "neither floating nor sunk"


def test_edges_are_soft():
    """A bright square, turned, on dark: pixels on its border are the mean of three points."""
    pose = look(np.array([0.0, 0, 0]), 0, 0, 0.3, 60)
    scene = empty_scene(pose)
    scene.box((2, -9, -9), (2.1, 9, 9), Material(first=np.full(3, 0.2), noise_amount=0.0))
    scene.box((1.99, -0.5, -0.5), (2, 0.5, 0.5), Material(first=np.full(3, 0.6), noise_amount=0.0))
    stage, k = Stage(scene), intrinsics_of([pose], 64)[0]
    turn = torch.from_numpy(pose.rotation).float()

    def through(pixels):
        rays = rays_through(k, pixels) @ turn.T
        return stage.look(torch.zeros_like(rays), rays, 0.01)

    y, x = torch.meshgrid(*[torch.arange(64) + 0.5] * 2, indexing="ij")
    surface = through(torch.stack([x.flatten(), y.flatten()], 1))
    soft = soften_edges(
        surface.colour, surface, 64, through, lambda seen, _: seen.colour, torch.tensor(9.0)
    )
    steps = (soft[:, 0] - 0.2) / (0.4 / 3)
    torch.testing.assert_close(steps, steps.round(), atol=1e-4, rtol=0)
    between = (steps > 0.5) & (steps < 2.5)
    assert 40 < between.sum() < 4 * 35 and not ((surface.colour[:, 0] > 0.3) & (steps < 0.5)).any()
    area = (k[0].item() / 1.99) ** 2  # of 1 m x 1 m at 1.99 m, in pixels
    assert steps.sum().item() / 3 == pytest.approx(area, rel=0.02)


def test_defocus_keeps_what_is_in_focus():
    light = torch.rand(3, 32, 32, generator=torch.Generator().manual_seed(0))
    depth = torch.full((32, 32), 2.0)
    depth[:8] = 50.0
    blurred = defocus(light, depth, 3.0)
    assert torch.equal(blurred[:, 10:], light[:, 10:])
    assert blurred[:, :6].std() < 0.5 * light[:, :6].std()
