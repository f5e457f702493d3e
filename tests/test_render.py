"""The renderer: a seed is a picture, what it says about it is true, and scenes are varied."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from depthart.geometry import fit_plane, normals_from_depth, unproject
from tests.scenes import camera_of
from train.render.assets import Assets
from train.render.materials import Material
from train.render.plan import Room
from train.render.render import RenderedBatch, render_batch
from train.render.scene import Scene
from train.render.views import place_camera

SIZE = 64
SEEDS = list(range(300, 308))


@pytest.fixture(scope="module")
def batch() -> RenderedBatch:
    return render_batch(SEEDS, SIZE)


@pytest.fixture(scope="module")
def sweep() -> RenderedBatch:
    """Forty scenes, tiny."""
    parts = [render_batch(range(i, i + 10), 32) for i in range(0, 40, 10)]
    return RenderedBatch(*(torch.cat([getattr(p, f) for p in parts]) for f in vars(parts[0])))


def test_same_seed_same_picture(batch):
    again = render_batch(SEEDS, SIZE)
    for name, value in vars(batch).items():
        assert torch.equal(value, getattr(again, name)), name
    assert not torch.equal(batch.image[0], batch.image[1])


def test_a_picture_is_independent_of_its_neighbours(batch):
    alone = render_batch([SEEDS[3]], SIZE)
    torch.testing.assert_close(alone.depth_m[0], batch.depth_m[3], rtol=1e-4, atol=1e-4)
    assert torch.equal(alone.intrinsics[0], batch.intrinsics[3])
    assert (alone.plane_id[0] != batch.plane_id[3]).float().mean() < 0.001
    difference = (alone.image[0].int() - batch.image[3].int()).abs()
    assert difference.float().mean() < 0.05


def test_global_random_state_is_neither_used_nor_changed(batch):
    torch.manual_seed(5)
    np.random.seed(5)
    expected = torch.rand(3), np.random.rand(3)  # noqa: NPY002
    torch.manual_seed(5)
    np.random.seed(5)
    again = render_batch(SEEDS[:1], SIZE)
    assert torch.equal(torch.rand(3), expected[0])
    assert (np.random.rand(3) == expected[1]).all()
    torch.testing.assert_close(again.depth_m[0], batch.depth_m[0], rtol=1e-4, atol=1e-4)


def test_ids_name_planes(batch):
    """Pixels of one id, unprojected, lie on one plane, and theirs is its normal."""
    found = 0
    for i in range(len(SEEDS)):
        points = unproject(batch.depth_m[i].numpy(), camera_of(batch, i))
        ids = batch.plane_id[i].numpy()
        for number in set(np.unique(ids)) - {0}:
            of = ids == number
            if of.sum() < 30:
                continue
            plane = fit_plane(points[of])
            assert plane.flatness < 1e-3 * np.median(points[of][:, 2]), (SEEDS[i], number)
            normals = batch.normal[i].permute(1, 2, 0).numpy()[of]
            assert (normals @ plane.normal).min() > 0.99, (SEEDS[i], number)
            found += 1
    assert found > 2 * len(SEEDS)


def test_normals(batch):
    """Unit, facing the camera, and those of the depth map wherever a plane's pixels are inner."""
    seen = batch.normal.abs().amax(1) > 0
    length = batch.normal.norm(dim=1)
    torch.testing.assert_close(length[seen], torch.ones_like(length[seen]), atol=1e-4, rtol=0)
    for i in range(len(SEEDS)):
        camera = camera_of(batch, i)
        points = unproject(batch.depth_m[i].numpy(), camera)
        normal = batch.normal[i].permute(1, 2, 0).numpy()
        assert (normal * points).sum(2).max() <= 1e-4
        ids = batch.plane_id[i].numpy()
        inner = np.zeros_like(ids, bool)
        inner[1:-1, 1:-1] = ids[1:-1, 1:-1] > 0
        for axis, shift in ((0, 1), (0, -1), (1, 1), (1, -1)):
            inner &= np.roll(ids, shift, axis) == ids
        from_depth = normals_from_depth(batch.depth_m[i].numpy(), camera)
        agree = (from_depth * normal).sum(2)[inner]
        assert np.quantile(agree, 0.01) > 0.999, SEEDS[i]


def test_types_and_shapes(batch):
    b = len(SEEDS)
    assert batch.image.shape == (b, 3, SIZE, SIZE) and batch.image.dtype == torch.uint8
    assert batch.depth_m.shape == (b, SIZE, SIZE) and batch.depth_m.dtype == torch.float32
    assert batch.normal.shape == (b, 3, SIZE, SIZE) and batch.plane_id.dtype == torch.int16
    assert batch.intrinsics.shape == (b, 4)
    fov = np.degrees(2 * np.arctan(SIZE / 2 / batch.intrinsics[:, 0].numpy()))
    assert ((45 <= fov) & (fov <= 85)).all()


def test_forty_scenes_are_varied(sweep):
    depth = sweep.depth_m
    assert depth.isfinite().all() and (depth >= 0).all()
    assert (depth > 0).float().mean() > 0.99
    median = depth.flatten(1).median(dim=1).values
    assert median.min() < 1.0 and median.max() > 3.0
    assert depth.min() > 0.05 and depth.max() < 250
    pictures = sweep.image.float().flatten(2)
    assert pictures.mean((1, 2)).std() > 10  # dark and bright ones
    assert (pictures.std(2).mean(1) > 8).float().mean() > 0.95  # hardly any of one colour
    ids = [len(torch.unique(p)) for p in sweep.plane_id]
    assert max(ids) >= 6 and np.mean(ids) > 2.5


def guess_error(depth: torch.Tensor, guess: torch.Tensor) -> float:
    """Mean over pictures of AbsRel after aligning the guess (H, W) by the median ratio."""
    ratio = (depth / guess).flatten(1).median(dim=1).values[:, None, None]
    valid = depth > 0
    error = ((ratio * guess - depth).abs() / depth.clamp_min(1e-3) * valid).sum((1, 2))
    return float((error / valid.sum((1, 2))).mean())


def test_no_fixed_guess_is_good(sweep):
    """Neither one depth everywhere nor "far at the top, near at the bottom" explains the scenes."""
    assert guess_error(sweep.depth_m, torch.ones(32, 32)) > 0.3
    for near in (0.2, 0.5, 0.8):
        ramp = torch.linspace(1, near, 32)[:, None].expand(32, 32)
        assert guess_error(sweep.depth_m, ramp) > 0.3


def test_scene_without_spheres_or_cones():
    """`place_camera` once fell over kinds of shapes that a scene has none of."""
    scene = Scene(np.random.default_rng(1))
    scene.box((-1, -1, -0.1), (4, 4, 0), Material())
    scene.box((1.8, 1.8, 0), (2.2, 2.2, 1.5), Material())
    pose = place_camera(scene, Room(3.0, 3.0, 2.5, [], "room"))
    x, y, z = pose.position
    assert 0 < x < 3 and 0 < y < 3 and 0.2 < z < 2.5
    assert not (1.8 < x < 2.2 and 1.8 < y < 2.2 and z < 1.5)


def test_no_free_place_for_the_camera():
    scene = Scene(np.random.default_rng(1))
    scene.box((-1, -1, -1), (4, 4, 4), Material())
    with pytest.raises(RuntimeError, match="no free place"):
        place_camera(scene, Room(3.0, 3.0, 2.5, [], "room"))


def test_bad_requests(tmp_path):
    with pytest.raises(ValueError, match="at least one seed"):
        render_batch([], 32)
    with pytest.raises(ValueError, match="non-negative"):
        render_batch([-1], 32)
    for size in (0, 30, -8):
        with pytest.raises(ValueError, match=f"multiple of 8 pixels, got {size}"):
            render_batch([0], size)
    with pytest.raises(FileNotFoundError, match="no folder of photos"):
        render_batch([0], 32, assets=Assets(photos=tmp_path / "nowhere"))
    with pytest.raises(FileNotFoundError, match="holds no"):
        render_batch([0], 32, assets=Assets(photos=tmp_path))
