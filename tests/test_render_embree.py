"""Rays through Embree's C interface."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from train.render import embree
from train.render.embree import CHUNK, LANES, Caster

TRIANGLES = np.array([[0, 1, 2], [0, 2, 3]], np.int32)


def square(z: float) -> np.ndarray:
    """(4, 3) corners of the square -1..1 at a height."""
    corners = [(-1, -1, z), (1, -1, z), (1, 1, z), (-1, 1, z)]
    return np.array(corners, np.float32)


@pytest.fixture(scope="module")
def caster() -> Caster:
    """A square at height 2 in group 0, another at height 1 in group 1."""
    return Caster(np.concatenate([square(2), square(1)]), [TRIANGLES, TRIANGLES + 4])


@pytest.mark.parametrize("count", [1, LANES, LANES * CHUNK + 5, 0])
def test_first_hits_of_any_number_of_rays(caster, count):
    rng = np.random.default_rng(count)
    origin = rng.uniform(-2, 2, (3, count)).astype(np.float32)
    origin[2] = rng.choice([0.0, 1.5, 3.0], count)
    direction = np.zeros((3, count), np.float32)
    direction[2] = 0.5
    triangle, t, rest = caster.first_hit(origin, direction, 0b11)
    inside = (np.abs(origin[:2]) < 1).all(0)
    expected = np.where(inside & (origin[2] < 2), 2 * (2 - origin[2]), np.inf)
    np.testing.assert_allclose(t, np.where(inside & (origin[2] < 1), 2.0, expected), rtol=1e-5)
    assert ((triangle < 0) == np.isinf(t)).all()
    lower = t == 2.0
    assert (triangle[lower & (origin[2] == 0)] >= 2).all(), "group 1 counts after group 0"
    met = triangle >= 0
    np.testing.assert_allclose(rest[2:, met].T, np.tile([0.0, 0, 4], (met.sum(), 1)), atol=1e-5)
    corners = np.concatenate([square(2)[TRIANGLES], square(1)[TRIANGLES]])[triangle[met]]
    weights = np.stack([1 - rest[0] - rest[1], rest[0], rest[1]], 1)[met]
    where = np.einsum("nc,ncx->nx", weights, corners)
    np.testing.assert_allclose(where, (origin + direction * np.where(met, t, 0))[:, met].T,
                               atol=1e-5)  # fmt: skip


def test_rays_ask_for_groups(caster):
    origin, up = np.zeros((3, 1), np.float32), np.array([[0.0], [0], [1]], np.float32)
    assert caster.first_hit(origin, up, 0b01)[1] == 2
    assert caster.first_hit(origin, up, 0b10)[1] == 1
    assert caster.is_free(origin, up, 1.5, 0b01) and not caster.is_free(origin, up, 1.5, 0b11)
    assert not caster.is_free(origin, up, 2.5, 0b01)


def test_nothing_to_meet():
    empty = Caster(np.zeros((0, 3), np.float32), [np.zeros((0, 3), np.int32)])
    ray = np.ones((3, 2), np.float32)
    assert np.isinf(empty.first_hit(ray, ray, 1)[1]).all() and empty.is_free(ray, ray, 9, 1).all()


def test_without_embree(monkeypatch):
    embree._library.cache_clear()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match="pip install embreex"):
        Caster(square(0), [TRIANGLES])
