"""The plane probe without a browser."""

import numpy as np
import pytest

from depthart.app import compare, handlers, planes
from depthart.app.compare import TRUTH
from depthart.app.models import Models
from depthart.app.planes_tab import faces, table
from depthart.app.truth import Truth
from depthart.geometry import Intrinsics
from depthart.images import Photo
from tests.app_models import MadeUp, offer

OWN = MadeUp("own", "scale_invariant", 0.5, steps=10)
OTHERS = [MadeUp("inverse", "disparity", 2.0, 0.3), MadeUp("metres", "metric", 4.0)]


def refined(predictor):
    session = handlers.new_session(predictor, Photo(np.zeros((120, 160, 3), np.uint8)))

    def steps(photo, sampler):
        return handlers.predictor_steps(predictor, photo, sampler)

    for _ in handlers.refine(session, steps, None):
        pass
    return session


def asked(own, others, monkeypatch):
    """A session in which other models have answered too."""
    offer(monkeypatch, [own, *others])
    session, models = refined(own), Models("own")

    def answers(name, photo):
        return compare.answer(models.get(name), photo)

    for _ in compare.run(session, [model.name for model in others], models, answers):
        pass
    return session


def plane_session(normal, offset=-2.0, noise=0.0):
    """One scale whose depth is exactly a plane, seen with 55 degrees."""
    camera = Intrinsics.from_fov(160, 120, 55)
    rays = camera.rays().astype(np.float64)
    depth = offset / (rays @ np.asarray(normal))
    depth *= 1 + noise * np.random.default_rng(0).standard_normal(depth.shape)

    class Wall(MadeUp):
        def _refine(self, photo, sampler):
            for step in super()._refine(photo, sampler):
                step.decode = lambda: depth.astype(np.float32)
                yield step

    return refined(Wall("wall", "scale_invariant"))


def test_a_plane_is_flat_and_faces_where_it_faces():
    normal = np.array([0.3, -0.2, -0.9])
    normal /= np.linalg.norm(normal)
    found = planes.probe(plane_session(normal))
    fit = found.scales[-1]
    assert fit.unevenness < 1e-5 and fit.turned_deg == 0
    np.testing.assert_allclose(fit.plane.normal, normal, atol=1e-4)
    assert faces(fit) == "faces 12° up and 18° right"
    rough = planes.probe(plane_session(normal, noise=0.02)).scales[-1]
    assert rough.unevenness == pytest.approx(0.02 * abs(normal[2]), rel=0.2)


def test_orientation_is_measured_against_the_ground_truth():
    session = plane_session([np.sin(0.1), 0, -np.cos(0.1)])
    depth = np.full((120, 160), 2.5, np.float32)  # a wall straight ahead
    session.truth = Truth(depth, depth > 0)
    found = planes.probe(session)
    assert found.against == TRUTH and found.median_m == pytest.approx(2.5)
    assert found.scales[-1].turned_deg == pytest.approx(np.degrees(0.1), rel=1e-3)
    assert found.reference.turned_deg == 0


def test_every_scale_and_every_model_is_probed(monkeypatch):
    session = asked(OWN, OTHERS, monkeypatch)
    found = planes.probe(session, [m.name for m in OTHERS], (0.1, 0.6, 0.9, 0.95))
    assert len(found.scales) == 10 and list(found.models) == ["own", "inverse", "metres"]
    assert table(found, "own").count("<tr>") == 4
    assert all(fit.turned_deg < 3 for fit in found.models.values())


def test_the_ring_lies_inside_the_rectangle():
    session = plane_session([0.0, 0, -1])
    box = (0.2, 0.3, 0.6, 0.7)
    fit = planes.probe(session, box=box).scales[-1]
    drawn = planes.ring(session, box, fit)
    x, y = np.array(drawn["ring"]).T
    assert box[0] < x.min() and x.max() < box[2] and box[1] < y.min() + 1e-6
    np.testing.assert_allclose(drawn["base"], [0.4, 0.5], atol=1e-3)


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ((0.8, 0.9, 0.2, 0.1), (0.2, 0.1, 0.8, 0.9)),
        ((-1, 0.5, 2, 0.7), (0, 0.5, 1, 0.7)),
        ((1, 1, 1, 1), (0.98, 0.98, 1, 1)),
    ],
)
def test_rectangles_are_tidied(box, expected):
    assert planes.tidy(box) == pytest.approx(expected)


def test_no_rectangle():
    with pytest.raises(ValueError, match="left, top, right and bottom"):
        planes.tidy([0, float("nan"), 1, 1])
