"""What a step minimises: the mean of its terms, disturbed pictures, feature alignment."""

from dataclasses import replace

import pytest
import torch

from depthart.baselines.dpt import DPT
from tests.test_depth_anything_training import labels as labels
from tests.test_depth_anything_training import scene
from tests.test_depth_anything_training import trunk as trunk
from train.data.mixture import Mixture
from train.data.pseudo_labels import PseudoLabels
from train.depth_anything import objective
from train.depth_anything.batches import FLIPS, ROBUST, UnlabeledBatches
from train.depth_anything.frozen_encoder import FrozenTrunk
from train.depth_anything.network import (
    Student,
    architecture,
    fresh,
)
from train.depth_anything.objective import Objective, Terms


class Told(torch.nn.Module):
    """A student that says what it is told."""

    def __init__(self, answer):
        super().__init__()
        self.answer, self.align, self.seen = answer, None, None

    def forward(self, images):
        self.seen = images
        return self.answer, torch.zeros(len(images), 2, 1, 1)


def unlabeled_batch(labels):
    return UnlabeledBatches(PseudoLabels(labels), 32, 2).batch(0)


def labelled_batch():
    return Mixture([([scene(0)], 1.0)], 32, 1, strength=FLIPS).batch(0)


def test_the_loss_is_the_mean_of_its_terms(labels):
    labelled, unlabeled = labelled_batch(), unlabeled_batch(labels)
    answer = torch.cat([1 / labelled.depth, torch.rand(2, 1, 32, 32)])
    loss, report = Objective(Told(answer), Terms(True, False, False))(labelled, unlabeled)
    assert report["labelled"] < 1e-4  # the true disparity
    assert loss.item() == pytest.approx(float(report["labelled"] + report["unlabeled"]) / 2)
    alone, _ = Objective(Told(answer[:1]), Terms(False, False, False))(labelled, None)
    assert alone.item() == pytest.approx(float(report["labelled"]))


def test_the_teacher_sees_clean_pictures_and_the_student_disturbed_ones(labels):
    labelled, unlabeled = labelled_batch(), unlabeled_batch(labels)
    told = Told(torch.rand(3, 1, 32, 32))
    with_all = Objective(told, Terms(True, True, False), cut=1.0)
    with_all(labelled, unlabeled)
    clean, seen, mix = with_all.pictures_of(unlabeled)
    assert torch.equal(told.seen[1:], seen)
    assert torch.equal(clean, mix(unlabeled.image)) and not mix.inside.all()
    assert not torch.allclose(seen, clean)
    plain = Objective(told, Terms(True, False, False))
    plain(labelled, unlabeled)
    assert torch.equal(told.seen[1:], unlabeled.image)


def test_alignment_trains_student_and_map_but_not_the_frozen_encoder(labels, trunk):
    encoder = FrozenTrunk("efficientnet_lite0", trunk)
    torch.manual_seed(0)
    network = Student(DPT(architecture("tiny")), encoder.channels)
    loss, report = Objective(network, Terms(), encoder)(
        Mixture([([scene(0)], 1.0)], 64, 1, strength=ROBUST).batch(0),
        UnlabeledBatches(PseudoLabels(labels), 64, 2).batch(0),
    )
    loss.backward()
    assert report["aligned"] > 0 and -1 <= report["cosine"] <= 1
    assert all(p.grad is None for p in encoder.parameters())
    assert network.align.project.weight.grad.abs().sum() > 0
    assert network.model.trunk.convolutions[0].weight.grad.abs().sum() > 0


def test_the_encoder_starts_as_the_frozen_one(labels, trunk):
    """As in the paper: equal features at first, so that nothing needs to be pulled."""
    encoder = FrozenTrunk("efficientnet_lite0", trunk)
    model = fresh(architecture("tiny"), trunk, 0)
    network = Student(model, encoder.channels, place="encoder")
    images = torch.rand(2, 3, 64, 96) * 2 - 1
    disparity, features = network(images)
    assert disparity.shape == (2, 1, 64, 96) and features.shape[2:] == (2, 3)
    torch.testing.assert_close(features, encoder(images))
    assert not list(network.align.parameters())  # compared as they are
    loss, report = network.align(features, encoder(images))
    assert loss.item() == 0 and report["left_out"] == 1 and report["cosine"] > 0.999


def test_features_are_those_of_the_network():
    network = Student(DPT(architecture("tiny")), 5).eval()
    images = torch.rand(1, 3, 64, 96) * 2 - 1
    disparity, features = network(images)
    assert disparity.shape == (1, 1, 64, 96) and features.shape == (1, 16, 4, 6)
    torch.testing.assert_close(features.flatten(2).transpose(1, 2), network.model.features(images))


def test_terms_that_need_others_say_so():
    with pytest.raises(ValueError, match="for unlabeled"):
        Terms(unlabeled=False, perturbed=True, aligned=False)
    with pytest.raises(ValueError, match="frozen encoder"):
        Objective(Told(None), objective.Terms())


def test_unmeasured_pixels_do_not_teach():
    batch = labelled_batch()
    holes = replace(batch, depth=batch.depth.clone())
    holes.depth[..., :16] = 0
    answer = torch.rand(1, 1, 32, 32, requires_grad=True)
    loss, _ = Objective(Told(answer), Terms(False, False, False))(holes, None)
    loss.backward()
    assert (answer.grad[..., :16] == 0).all() and answer.grad.abs().sum() > 0
