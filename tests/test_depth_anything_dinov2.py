"""DINOv2 through transformers: weights and features agree with its own."""

import pytest
import torch

import depthart
from depthart.baselines.dpt import DPT, DPTConfig
from depthart.baselines.predictor import save_network
from train.depth_anything.dinov2 import load_dinov2
from train.depth_anything.frozen_encoder import DinoV2, frozen_encoder
from train.depth_anything.network import Student, encoder_of, start

transformers = pytest.importorskip("transformers")
SIZES = {"width": 24, "depth": 4, "heads": 3, "taps": (0, 1, 2, 3), "grid": 5, "features": 8}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A tiny DINOv2 of random weights, saved as transformers does."""
    torch.manual_seed(0)
    config = transformers.Dinov2Config(
        hidden_size=24, num_hidden_layers=4, num_attention_heads=3, patch_size=14, image_size=70,
        layerscale_value=0.7,
    )  # fmt: skip
    model = transformers.Dinov2Model(config)
    for parameter in model.parameters():  # biases and norms would start at 0 and 1
        parameter.data += 0.05 * torch.randn_like(parameter)
    path = tmp_path_factory.mktemp("dinov2")
    model.save_pretrained(path)
    return str(path)


def network():
    return DPT(DPTConfig(embedding="patch", readout="ignore", keep_aspect=True, kind="disparity",
                         image_size=70, reassembled=(8, 8, 8, 8), **SIZES)).eval()  # fmt: skip


def test_the_encoder_starts_as_dinov2(folder):
    model = network()
    assert start(model, folder) and encoder_of(model) is model.vit
    images = torch.rand(2, 3, 70, 98) * 2 - 1
    _, features = Student(model, 24)(images)
    with torch.no_grad():
        torch.testing.assert_close(features, DinoV2(folder)(images), atol=1e-4, rtol=1e-3)


def test_a_frozen_dinov2_takes_any_size_and_equals_the_student_at_first(folder):
    encoder = frozen_encoder(folder, None)
    assert encoder.channels == 24 and encoder.description.startswith("DINOv2")
    assert encoder(torch.rand(1, 3, 64, 64)).shape == (1, 24, 5, 5)
    model = network()
    start(model, folder)
    student = Student(model, encoder.channels)
    images = torch.rand(1, 3, 70, 70) * 2 - 1
    loss, report = student.align(student(images)[1], encoder(images))
    assert loss == 0 and report["cosine"] > 0.999  # within the margin everywhere: nothing to learn
    assert not list(student.align.parameters())


def test_a_checkpoint_of_patches_opens(folder, tmp_path, picture):
    model = network()
    save_network("dpt", model, tmp_path)
    predictor = depthart.load(tmp_path, device="cpu")
    assert predictor.predict(picture).depth.shape == (64, 96)
    assert predictor.model.input_size(64, 96) == (70, 112)


def test_weights_of_another_size_are_refused(folder):
    model = DPT(DPTConfig(embedding="patch", image_size=70, **(SIZES | {"grid": 6})))
    with pytest.raises(ValueError, match="pos_embed is of shape"):
        load_dinov2(model.vit, folder)
