"""Joint augmentation: picture, depth and camera stay one; colours change nothing else."""

from dataclasses import replace

import numpy as np
import pytest

from train.data.augment import Augmentation, augment, photometric
from train.data.mixture import Mixture
from train.data.resident import ResidentMixture
from train.data.sample import Sample
from train.data.window import Window

GEOMETRY = Augmentation.geometric()
KINDS = {"squashed": GEOMETRY, "square": replace(GEOMETRY, keep_aspect=True)}


def places(height=60, width=100, focal=80.0):
    """Depth 2 everywhere; red tells the column and green the row of a pixel."""
    rows, columns = np.mgrid[:height, :width]
    image = np.stack([columns * 2, rows * 2, 0 * rows], axis=-1).astype(np.uint8)
    depth = np.full((height, width), 2, np.float32)
    camera = np.float32([focal, focal, width / 2 + 3, height / 2 - 2])
    return Sample(image, depth, "made", "places", camera)


def seen(image):
    """Where in `places` a pixel of an augmented picture lies, (S, S, 2) x and y."""
    return (image[..., :2].astype(float) + 1) / 2


def assert_rays_are_kept(image, camera, sample):
    """A pixel looks where its colour says that it looked before: x / z and y / z."""
    side = 1 if seen(image)[24, 40, 0] > seen(image)[24, 8, 0] else -1  # mirrored
    fx, fy, cx, cy = sample.intrinsics
    for row, column in ((8, 8), (8, 40), (30, 20), (40, 44)):
        x, y = seen(image)[row, column]
        before = (x - cx) / fx, (y - cy) / fy
        across = (column + 0.5 - camera[2]) / camera[0]
        assert across == pytest.approx(side * before[0], abs=0.02)
        assert (row + 0.5 - camera[3]) / camera[1] == pytest.approx(before[1], abs=0.02)


def test_a_window_by_hand():
    camera = np.float32([100, 100, 40, 30])
    window = Window(top=10, left=20, height=20, width=40, flip=False)
    # 40 x 20 pixels become 80 x 80: twice as wide, four times as high.
    np.testing.assert_allclose(window.intrinsics(camera, 80), [200, 400, 40, 80])
    mirrored = window._replace(flip=True, left=25)
    np.testing.assert_allclose(mirrored.intrinsics(camera, 80), [200, 400, 80 - 30, 80])
    values = np.arange(60 * 80, dtype=np.float32).reshape(60, 80)
    np.testing.assert_array_equal(
        Window(1, 2, 3, 3, True).cut(values, 3, 0), values[1:4, 2:5][:, ::-1]
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(4))
def test_the_camera_follows_the_crop(kind, seed):
    sample = places()
    made = augment(sample, 48, KINDS[kind], np.random.default_rng(seed))
    assert_rays_are_kept(made.image, made.intrinsics, sample)
    fx, fy = made.intrinsics[:2]
    if kind == "square":  # but for `max_aspect`, pixels stay square
        assert 1 / 1.27 < fx / fy < 1.27


def test_both_directions_come_up_and_depth_is_never_mixed():
    sample = places()
    sample.depth[:, ::2] = 5
    directions = set()
    for seed in range(12):
        made = augment(sample, 48, GEOMETRY, np.random.default_rng(seed))
        across = seen(made.image)[24, :, 0]
        directions.add(bool(across[-1] > across[0]))
        assert set(np.unique(made.depth)) == {2, 5}
    assert directions == {True, False}


def test_flips_follow_their_probability():
    for flip, expected in ((0.0, {False}), (1.0, {True})):
        strength = replace(GEOMETRY, flip=flip)
        windows = [Window.draw(60, 100, strength, np.random.default_rng(n)) for n in range(20)]
        assert {window.flip for window in windows} == expected


@pytest.mark.parametrize("kind", [Mixture, ResidentMixture])
def test_batches_know_their_cameras(kind):
    sample = places(48, 48)
    unknown = replace(sample, intrinsics=None)
    batch = kind([([sample], 1.0), ([unknown], 1.0)], 48, 16, 0, GEOMETRY).batch(0)
    known = ~batch.intrinsics.isnan().any(1)
    assert 0 < known.sum() < 16
    pictures = ((batch.image + 1) * 127.5).permute(0, 2, 3, 1).numpy()
    for picture, camera in zip(pictures[known], batch.intrinsics[known].numpy(), strict=True):
        assert_rays_are_kept(picture, camera, sample)


@pytest.mark.parametrize("part", ["colour", "grey", "blur", "noise", "jpeg"])
def test_every_disturbance_does_something_of_its_own(part):
    calm = Augmentation(colour=0, grey=0, blur=0, noise=0, jpeg=0)
    image = np.random.default_rng(1).integers(40, 200, (32, 32, 3), dtype=np.uint8)
    strength = replace(calm, **{part: 0.25 if part == "colour" else 1.0})
    changed = photometric(image, strength, np.random.default_rng(0))
    assert changed.shape == image.shape and changed.dtype == np.uint8
    assert not np.array_equal(changed, image)
    np.testing.assert_array_equal(photometric(image, calm, np.random.default_rng(0)), image)
    if part == "grey":
        assert (changed.max(-1) == changed.min(-1)).all()
    if part == "blur":
        assert changed.astype(float).std() < image.astype(float).std()
    if part == "noise":
        assert 0.5 < np.abs(changed.astype(float) - image).mean() < 0.04 * 255


def test_the_same_seed_gives_the_same_sample():
    one, two = (augment(places(), 32, Augmentation(), np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(one.image, two.image)
    np.testing.assert_array_equal(one.intrinsics, two.intrinsics)
