"""Dense regression on the image encoder: its pre-training, and the yardstick of the transformer.

Letters: B batch, S side of the feature grid, E encoder width, H x W pixels of the output.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from depthart.baselines.losses import masked_median
from depthart.checkpoints import CheckpointError, load_weights, read_config, write_checkpoint
from depthart.config import from_fields
from depthart.encoder import ImageEncoder, ImageEncoderConfig

UPSCALE = 8  # output cells per feature and side


class DenseDepth(nn.Module):
    """Log depth straight from the encoder's features, 8 x 8 values from each of them.

    The head is nearly linear on purpose: what the picture says about depth must end up in the
    features, where the transformer will look for it.
    """

    def __init__(self, config: ImageEncoderConfig) -> None:
        super().__init__()
        self.encoder = ImageEncoder(config)
        self.head = nn.Linear(config.width, UPSCALE**2 * 4)
        self.smooth = nn.Sequential(nn.GELU(), nn.Conv2d(4, 16, 3, padding=1), nn.GELU())
        self.out = nn.Conv2d(16, 1, 3, padding=1)

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, 16 S, 16 S) in [-1, 1] -> log depth (B, 1, 8 S, 8 S), up to a constant."""
        side = self.encoder.config.side
        x = self.head(self.encoder(images)).transpose(1, 2).unflatten(2, (side, side))
        return self.out(self.smooth(F.pixel_shuffle(x, UPSCALE))).float()

    @torch.no_grad()
    def depth(self, images: Tensor) -> Tensor:
        """Linear depth up to scale at the input's size, (B, H, W)."""
        log_depth = F.interpolate(self(images), size=images.shape[-2:], mode="bilinear")
        return log_depth.squeeze(1).exp()


def dense_loss(log_depth: Tensor, depth: Tensor, valid: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """Scale-invariant L1 in log depth plus its gradients at four resolutions.

    Args:
        log_depth: (B, 1, h, w). depth, valid: (B, 1, H, W), H a multiple of h.

    Returns:
        scalar, numbers to log.
    """
    weight, target = shrink_log_depth(depth, valid, log_depth.shape[-1])
    error = log_depth - target
    offset = masked_median(error.detach(), weight > 0)
    error = error - offset
    pixel, gradient = _mean(error.abs(), weight), gradient_error(error, weight)
    return pixel + 0.5 * gradient, {"pixel": pixel.detach(), "gradient": gradient.detach()}


def gradient_error(error: Tensor, weight: Tensor) -> Tensor:
    """Mean absolute differences of neighbouring errors, summed over four resolutions.

    Args:
        error, weight: (B, 1, h, w); pairs count by the product of their weights.
    """
    total = error.new_zeros(())
    for _ in range(4):
        for dim in (-1, -2):
            length = weight.shape[dim] - 1
            pair = weight.narrow(dim, 1, length) * weight.narrow(dim, 0, length)
            total = total + _mean(error.diff(dim=dim).abs(), pair) / 4
        error, weight = error[..., ::2, ::2], weight[..., ::2, ::2]
    return total


def shrink_log_depth(depth: Tensor, valid: Tensor, side: int) -> tuple[Tensor, Tensor]:
    """Log of the mean inverse depth of each cell, and 1 where at least half of it is valid."""
    weight = valid.float()
    inverse = torch.where(valid, 1 / depth.clamp_min(1e-6), torch.zeros_like(depth))
    share = F.adaptive_avg_pool2d(weight, side)
    mean = F.adaptive_avg_pool2d(inverse, side) / share.clamp_min(1e-6)
    return (share >= 0.5).float(), -mean.clamp_min(1e-9).log()


def _mean(values: Tensor, weight: Tensor) -> Tensor:
    return (values * weight).sum() / weight.sum().clamp_min(1)


def load_imagenet_trunk(encoder: ImageEncoder, path: str | Path) -> None:
    """Fill the trunk from a file of folded convolutions, `conv00.weight`, `conv00.bias`, ....

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if a tensor is missing or of another shape.
    """
    from safetensors.torch import load_file

    if not Path(path).is_file():
        raise FileNotFoundError(f"no trunk weights at {path}")
    state = load_file(path)
    for i, convolution in enumerate(encoder.trunk.convolutions):
        for part, parameter in convolution.named_parameters():
            name = f"conv{i:02d}.{part}"
            value = state.get(name)
            if value is None or value.shape != parameter.shape:
                found = "missing" if value is None else f"of shape {tuple(value.shape)}"
                raise ValueError(f"{path}: {name} is {found}, need {tuple(parameter.shape)}")
            parameter.data.copy_(value)


DENSE = "dense"  # the architecture in config.json, the method in results
DENSE_IN_CODES = "dense/vqvae"  # of `train.evaluate.in_codes`


def save_dense(config: ImageEncoderConfig, weights: dict[str, Tensor], folder: str | Path) -> Path:
    """Write a checkpoint folder for `load_dense`, at full precision."""
    return write_checkpoint(folder, {"model": DENSE, **asdict(config)}, weights, half=False)


def load_dense(folder: str | Path) -> DenseDepth:
    """Open what `save_dense` wrote.

    Raises:
        CheckpointError: if the folder is missing, incomplete or another model's.
    """
    config = read_config(folder)
    if config.pop("model", None) != DENSE:
        raise CheckpointError(f"{folder} is not a checkpoint of train.image_encoder")
    with torch.device("meta"):
        model = DenseDepth(from_fields(ImageEncoderConfig, config))
    return load_weights(model, folder)
