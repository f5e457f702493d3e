"""DPT and the vision transformer below it: shapes, positions, DINOv2's interface."""

import pytest
import torch

from depthart.baselines.dpt import DPT, DPTConfig
from depthart.baselines.fusion import FusionDecoder
from depthart.baselines.predictor import BaselinePredictor, save_network
from depthart.registry import load

HYBRID = DPTConfig(width=32, depth=3, heads=2, taps=(1, 2), grid=4, features=8, image_size=64)
PATCH = DPTConfig(
    embedding="patch",
    patch=14,
    width=32,
    depth=4,
    heads=2,
    taps=(0, 1, 2, 3),
    grid=4,
    readout="ignore",
    reassembled=(8, 8, 16, 16),
    features=8,
    image_size=56,
    keep_aspect=True,
    kind="disparity",
)


@pytest.fixture(params=[HYBRID, PATCH], ids=["hybrid", "patch"])
def network(request):
    torch.manual_seed(0)
    return DPT(request.param).eval()


def test_shapes(network):
    side = network.config.image_size
    for height, width in ((side, side), (side, 2 * side)):
        images = torch.rand(2, 3, height, width) * 2 - 1
        maps = network(images)
        assert maps.shape == (2, height, width) and maps.dtype == torch.float32
        assert (maps > 0).all()
        step = 16 if network.trunk else 14
        cells = (height // step) * (width // step)
        assert network.features(images).shape == (2, cells, 32)
    with pytest.raises(ValueError, match=f"multiples of {network.config.multiple}, got 50 x"):
        network(torch.zeros(1, 3, 50, side))


def test_features_do_not_depend_on_the_taps(network):
    images = torch.rand(1, 3, network.config.image_size, network.config.image_size)
    tokens, _, _ = network.tokens(images, network.config.taps)
    torch.testing.assert_close(network.features(images), tokens[-1][:, 1:])


def test_the_classic_sizes_have_dinov2s_parameters():
    config = DPTConfig.dinov2("small")
    with torch.device("meta"):
        network = DPT(config)
    assert network.vit.pos_embed.shape == (1, 1370, 384)
    assert network.vit.patch_embed["proj"].weight.shape == (384, 3, 14, 14)
    names = set(network.vit.state_dict())
    assert {"cls_token", "patch_embed.proj.bias", "blocks.11.attn.qkv.weight"} <= names
    assert {"blocks.0.ls1.gamma", "blocks.0.mlp.fc2.bias", "norm.weight"} <= names
    count = sum(p.numel() for p in network.vit.parameters())
    assert count + 384 == 22_056_576  # DINOv2 ViT-S/14 has a mask token besides
    with pytest.raises(ValueError, match="unknown size 'giant'"):
        DPTConfig.dinov2("giant")


def test_positions_are_resized_only_if_they_must(network):
    grid = network.config.grid
    assert network.vit.positions(grid, grid) is network.vit.pos_embed
    other = network.vit.positions(2 * grid, grid)
    assert other.shape == (1, 1 + 2 * grid * grid, 32)
    assert torch.equal(other[:, :1], network.vit.pos_embed[:, :1])


def test_photos_keep_their_shape_if_asked(picture, tmp_path):
    network = DPT(PATCH)
    assert network.input_size(64, 96) == (56, 84)
    assert network.input_size(4000, 3000) == (70, 56)
    assert DPT(HYBRID).input_size(64, 96) == (64, 64)
    predictor = BaselinePredictor(network)
    (step,) = predictor.refine(picture)
    assert step.model_depth.shape == (56, 84) and step.depth.shape == (64, 96)
    prediction = predictor.predict(picture)
    assert prediction.kind == "disparity"


def test_a_saved_network_comes_back(network, picture, tmp_path):
    folder = save_network("dpt", network, tmp_path / "mine", half=False)
    predictor = load(folder, "cpu")
    assert predictor.name == "mine" and predictor.kind == network.config.kind
    assert predictor.model.config == network.config
    expected = BaselinePredictor(network).predict(picture).depth
    assert (predictor.predict(picture).depth == expected).all()


@pytest.mark.parametrize(
    "change, message",
    [
        ({"taps": (1,)}, "needs 2 ascending taps below depth 6, got"),
        ({"taps": (3, 6)}, "needs 2 ascending taps below depth 6"),
        ({"embedding": "patch", "image_size": 56}, "needs 4 ascending taps"),
        ({"embedding": "vq"}, "unknown embedding 'vq'; known: hybrid, patch"),
        ({"readout": "add"}, "unknown readout 'add'"),
        ({"image_size": 250}, "multiple of 32, got 250"),
        ({"trunk": "resnet"}, "unknown trunk 'resnet'"),
        ({"kind": "depth"}, "unknown kind 'depth'"),
    ],
)
def test_configurations_that_do_not_fit(change, message):
    with pytest.raises(ValueError, match=message):
        DPTConfig(**change)


def test_fusion_meets_every_level_at_its_size():
    decoder = FusionDecoder((4, 4, 4, 4), 8)
    sizes = [(19, 20), (10, 10), (5, 5), (3, 3)]
    levels = decoder.levels([torch.rand(1, 4, *size) for size in sizes])
    assert [tuple(level.shape[-2:]) for level in levels] == [(5, 5), (10, 10), (19, 20), (19, 20)]
