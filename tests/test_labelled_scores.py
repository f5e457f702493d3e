"""Scores of samples that come with labelled planes and edges, as iBims-1's do."""

from dataclasses import replace

import numpy as np
import pytest

from tests.test_evaluate import room
from train.data.sample import LabelledPlane
from train.scoring import Scorer


@pytest.fixture
def sample():
    """The room, its floor and wall labelled with true normals instead of numbered."""
    numbered = room()
    floor = LabelledPlane("floor", numbered.plane == 1, np.float32([0, -1, 0]))
    wall = LabelledPlane("wall", numbered.plane == 2, np.float32([0, 0, -1]))
    return replace(numbered, plane=None, planes=(floor, wall))


def test_labelled_planes_are_judged_by_their_normals(sample):
    right = Scorer(sample).all_scores(sample.depth)
    assert right["pe_fla"] == pytest.approx(0, abs=1e-3)
    assert right["pe_ori"] == pytest.approx(0, abs=1e-2)
    turned = replace(sample.planes[1], normal=np.float32([np.sin(0.2), 0, -np.cos(0.2)]))
    scores = Scorer(replace(sample, planes=(sample.planes[0], turned))).all_scores(sample.depth)
    assert scores["pe_ori"] == pytest.approx(np.degrees(0.2) / 2, abs=0.05)


def test_small_planes_count_too(sample):
    """Of a numbered map, planes below 5 % of the picture do not."""
    mask = np.zeros((48, 48), bool)
    mask[:6, :6] = True  # a piece of the wall, 1.6 %
    tilted = LabelledPlane("wall", mask, np.float32([0, -1, 0]))
    scores = Scorer(replace(sample, planes=(tilted,))).all_scores(sample.depth)
    assert scores["pe_ori"] == pytest.approx(90, abs=0.1)


def test_labelled_edges_take_the_place_of_those_of_the_depth(sample):
    plain = Scorer(sample).all_scores(sample.depth)
    assert plain["dbe_acc"] == pytest.approx(0, abs=1e-4)
    edges = np.zeros((48, 48), bool)
    edges[:, 45] = True
    scores = Scorer(replace(sample, edges=edges)).all_scores(sample.depth)
    assert scores["dbe_com"] > 5
    none = Scorer(replace(sample, edges=np.zeros((48, 48), bool))).all_scores(sample.depth)
    assert "dbe_acc" not in none
