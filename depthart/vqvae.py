"""VQ-VAE of depth maps and pictures: convolutional encoder and decoder around the quantiser.

VAR's architecture (`vae_ch160v4096z32`) and, with `stem_patch` > 1, a light one whose first and
last layers work on patches (their seams are smoothed away). Letters: B batch, C latent channels,
S latent side, P stem patch.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from depthart.normalize import depth_to_image, image_to_depth
from depthart.quantizer import MultiScaleQuantizer, Quantized
from depthart.scales import PAPER_SIDES, Scales


@dataclass(frozen=True)
class VQVAEConfig:
    """Sizes of a `VQVAE`; the defaults are the paper's.

    Raises:
        ValueError: if the scales do not end at the latent side, a width is no multiple of 32, or
            the log offset is negative.
    """

    image_size: int = 256
    widths: tuple[int, ...] = (160, 160, 320, 320, 640)  # channels of each level, fine to coarse
    stem_patch: int = 1  # pixels per side merged by the first layer; 1 = a 3x3 convolution
    blocks: int = 2  # residual blocks per encoder level (the decoder has one more)
    latent_channels: int = 32
    vocab_size: int = 4096
    sides: tuple[int, ...] = PAPER_SIDES
    phi_count: int = 4
    log_offset: float = 0.0  # ours: shows depth in log, see `depthart.normalize`; 0 = linear

    def __post_init__(self) -> None:
        object.__setattr__(self, "widths", tuple(self.widths))
        object.__setattr__(self, "sides", tuple(self.sides))
        if self.log_offset < 0:
            raise ValueError(f"the log offset must not be negative, got {self.log_offset}")
        if any(width % 32 for width in self.widths):
            raise ValueError(f"VQ-VAE widths must be multiples of 32, got {self.widths}")
        stride = self.stem_patch * 2 ** (len(self.widths) - 1)
        if self.image_size != stride * self.scales.finest:
            raise ValueError(
                f"image size {self.image_size} at stride {stride} gives "
                f"{self.image_size / stride:g} latent cells a side, the scales end at "
                f"{self.scales.finest}"
            )

    @property
    def scales(self) -> Scales:
        return Scales(self.sides)


class VQVAE(nn.Module):
    """Pictures (B, 3, 256, 256) in [-1, 1] <-> features (B, C, 16, 16) <-> ten token maps."""

    def __init__(self, config: VQVAEConfig) -> None:
        super().__init__()
        self.config = config
        channels = config.latent_channels
        self.encoder = Encoder(config)
        self.pre_quant = nn.Conv2d(channels, channels, 3, padding=1)
        self.quantizer = MultiScaleQuantizer(
            config.vocab_size, channels, config.scales, config.phi_count
        )
        self.post_quant = nn.Conv2d(channels, channels, 3, padding=1)
        self.decoder = Decoder(config)

    @property
    def scales(self) -> Scales:
        return self.quantizer.scales

    def to_image(self, depth: Tensor, valid: Tensor | None = None) -> Tensor:
        """Depth (B, 1, H, W) as this VQ-VAE sees it, (B, 3, H, W) in [-1, 1] (eq. 9)."""
        return depth_to_image(depth, valid, self.config.log_offset)

    def to_depth(self, image: Tensor) -> Tensor:
        """Decoded image (B, 3, H, W) -> relative linear depth (B, H, W) in [0, 1]."""
        return image_to_depth(image, self.config.log_offset)

    def encode(self, images: Tensor) -> Tensor:
        """Features before quantisation: (B, 3, H, W) in [-1, 1] -> (B, C, S, S)."""
        return self.pre_quant(self.encoder(images))

    def decode(self, features: Tensor) -> Tensor:
        """Eq. 4, unclamped: (partial) sums of contributions (B, C, S, S) -> (B, 3, H, W)."""
        return self.decoder(self.post_quant(features))

    def tokenize(self, images: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Pictures -> K token maps (B, l) and K cumulative features (B, C, S, S)."""
        return self.quantizer.tokenize(self.encode(images).float())

    @torch.no_grad()
    def reconstruct(self, images: Tensor) -> Tensor:
        """Encode, quantise with all scales and decode: (B, 3, H, W) -> same, in [-1, 1]."""
        return self.decode(self.tokenize(images)[1][-1]).clamp(-1, 1)

    def forward(self, images: Tensor, count: int | None = None) -> tuple[Tensor, Quantized]:
        """Reconstruction (B, 3, H, W), unclamped, and the quantiser's losses, for training.

        Autocast of the caller holds for encoder and decoder; quantisation is always float32.
        """
        features = self.encode(images).float()
        with torch.autocast(images.device.type, enabled=False):
            quantized = self.quantizer(features, count)
        return self.decode(quantized.features), quantized


class ResidualBlock(nn.Module):
    """norm, SiLU, conv, twice, plus the input: (B, in, H, W) -> (B, out, H, W)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.norm1 = _norm(inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.norm2 = _norm(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.shortcut = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv1(F.silu(self.norm1(x)))
        h = self.conv2(F.silu(self.norm2(h)))
        return self.shortcut(x) + h


class SpatialAttention(nn.Module):
    """Single-head self-attention over all pixels plus the input: (B, C, H, W) -> same."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = _norm(channels)
        self.qkv = nn.Conv2d(channels, 3 * channels, 1)
        self.out = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(self.norm(x)).flatten(2).transpose(1, 2).chunk(3, dim=2)  # (B, HW, C)
        weights = (q @ k.transpose(1, 2) * q.shape[-1] ** -0.5).softmax(dim=-1)  # (B, HW, HW)
        return x + self.out((weights @ v).transpose(1, 2).unflatten(2, x.shape[2:]))


class Downsample(nn.Conv2d):
    """Halve both sides with a stride-2 convolution padded right and bottom."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(F.pad(x, (0, 1, 0, 1)))


class Upsample(nn.Conv2d):
    """Double both sides: nearest neighbour, then a 3x3 convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(F.interpolate(x, scale_factor=2, mode="nearest"))


class SmoothSeams(nn.Module):
    """A fixed mean over P x P pixels, centred: (B, C, H, W) -> same.

    Patches drawn side by side leave a grid, a pattern of period P. The mean over one period takes
    exactly that away, and little else: a picture made of patches has hardly finer detail.
    """

    def __init__(self, patch: int) -> None:
        super().__init__()
        self.patch = patch

    def forward(self, x: Tensor) -> Tensor:
        x = F.pad(x, (self.patch // 2,) * 4, mode="replicate")
        x = F.avg_pool2d(x, self.patch, stride=1)
        # An even mean lies between pixels; the mean of two neighbours is on them again.
        return F.avg_pool2d(x, 2, stride=1) if self.patch % 2 == 0 else x


class Level(nn.Module):
    """Residual blocks at one resolution, each followed by attention if asked for."""

    def __init__(self, inputs: int, outputs: int, blocks: int, attention: bool) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            ResidualBlock(inputs if i == 0 else outputs, outputs) for i in range(blocks)
        )
        self.attentions = nn.ModuleList(
            SpatialAttention(outputs) for _ in range(blocks if attention else 0)
        )

    def forward(self, x: Tensor) -> Tensor:
        for i, block in enumerate(self.blocks):
            x = block(x)
            if self.attentions:
                x = self.attentions[i](x)
        return x


class Encoder(nn.Module):
    """(B, 3, H, W) -> (B, C, S, S); attention at the coarsest level and in the middle."""

    def __init__(self, config: VQVAEConfig) -> None:
        super().__init__()
        widths, patch = config.widths, config.stem_patch
        self.stem = (
            nn.Conv2d(3, widths[0], 3, padding=1)
            if patch == 1
            else nn.Conv2d(3, widths[0], patch, stride=patch)
        )
        inputs = (widths[0], *widths[:-1])
        last = len(widths) - 1
        self.levels = nn.ModuleList(
            Level(inputs[i], widths[i], config.blocks, attention=i == last)
            for i in range(len(widths))
        )
        self.downsamples = nn.ModuleList(Downsample(width) for width in widths[:-1])
        self.middle = _middle(widths[-1])
        self.norm = _norm(widths[-1])
        self.head = nn.Conv2d(widths[-1], config.latent_channels, 3, padding=1)

    def forward(self, images: Tensor) -> Tensor:
        x = self.stem(images)
        for i, level in enumerate(self.levels):
            x = level(x)
            if i < len(self.downsamples):
                x = self.downsamples[i](x)
        return self.head(F.silu(self.norm(self.middle(x))))


class Decoder(nn.Module):
    """(B, C, S, S) -> (B, 3, H, W); `levels` are stored fine to coarse and run coarse to fine."""

    def __init__(self, config: VQVAEConfig) -> None:
        super().__init__()
        widths, patch = config.widths, config.stem_patch
        self.stem = nn.Conv2d(config.latent_channels, widths[-1], 3, padding=1)
        self.middle = _middle(widths[-1])
        inputs = (*widths[1:], widths[-1])
        last = len(widths) - 1
        self.levels = nn.ModuleList(
            Level(inputs[i], widths[i], config.blocks + 1, attention=i == last)
            for i in range(len(widths))
        )
        self.upsamples = nn.ModuleList(Upsample(width) for width in widths[1:])
        self.norm = _norm(widths[0])
        self.head = nn.Conv2d(widths[0], 3 * patch * patch, 3, padding=1)
        seamless = nn.Sequential(nn.PixelShuffle(patch), SmoothSeams(patch))
        self.unpatch = seamless if patch > 1 else nn.Identity()

    def forward(self, features: Tensor) -> Tensor:
        x = self.middle(self.stem(features))
        for i in reversed(range(len(self.levels))):
            x = self.levels[i](x)
            if i > 0:
                x = self.upsamples[i - 1](x)
        return self.unpatch(self.head(F.silu(self.norm(x))))


def _norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(32, channels, eps=1e-6)


def _middle(width: int) -> nn.Sequential:
    return nn.Sequential(
        ResidualBlock(width, width), SpatialAttention(width), ResidualBlock(width, width)
    )
