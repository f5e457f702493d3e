"""DPT (Ranftl et al., arXiv 2103.13413): a vision transformer whose tokens become maps again.

`embedding="hybrid"` is DPT-Hybrid at our size: a convolutional trunk, then transformer blocks;
strides 4 and 8 come from the trunk, 16 and 32 from the blocks. `embedding="patch"` cuts the picture
itself into patches and reassembles four blocks, as with DINOv2's encoders in Depth Anything.

Letters: B batch, H x W pixels, C width of the transformer, N patches, h x w grid of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from depthart.baselines.fusion import DepthHead, FusionDecoder
from depthart.baselines.losses import loss_of_kind
from depthart.baselines.network import DepthNetwork, NetworkConfig
from depthart.baselines.vit import ViT, ViTConfig
from depthart.trunks import build_trunk

Embedding = Literal["hybrid", "patch"]
Readout = Literal["ignore", "project"]
# Of DINOv2's preprocessing; pictures here are in [-1, 1].
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class DPTConfig(NetworkConfig):
    """Sizes of a `DPT`; the defaults are dpt-small's.

    Raises:
        ValueError: for values that do not fit one another.
    """

    embedding: Embedding = "hybrid"
    width: int = 256  # C
    depth: int = 6
    heads: int = 4
    taps: tuple[int, ...] = (3, 5)  # blocks (0-based) to reassemble: two of a hybrid, else four
    patch: int = 14  # pixels a side; of embedding "patch" alone
    grid: int = 16  # side of the table of positions
    readout: Readout = "project"  # what becomes of the class token
    reassembled: tuple[int, ...] = (48, 96, 192, 384)  # channels; of embedding "patch" alone
    features: int = 64  # width of the decoder
    layer_scale: float = 1.0  # at the start
    keep_aspect: bool = False  # photos keep their shape; the shorter side has `image_size` pixels

    def __post_init__(self) -> None:
        for name, choices in (("embedding", Embedding), ("readout", Readout)):
            if getattr(self, name) not in get_args(choices):
                known = ", ".join(get_args(choices))
                raise ValueError(f"unknown {name} {getattr(self, name)!r}; known: {known}")
        for name in ("taps", "reassembled"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        super().__post_init__()
        count = 2 if self.embedding == "hybrid" else 4
        ascending = list(self.taps) == sorted(set(self.taps))
        if len(self.taps) != count or not ascending or not 0 <= self.taps[-1] < self.depth:
            raise ValueError(
                f"embedding {self.embedding!r} needs {count} ascending taps below depth"
                f" {self.depth}, got {self.taps}"
            )
        if self.embedding == "patch" and len(self.reassembled) != 4:
            raise ValueError(f"reassembled needs four widths, got {self.reassembled}")

    @property
    def multiple(self) -> int:
        return 32 if self.embedding == "hybrid" else self.patch

    @classmethod
    def dinov2(cls, size: Literal["small", "base", "large"] = "small") -> DPTConfig:
        """Depth Anything's architecture on DINOv2's encoders (arXiv 2401.10891).

        Raises:
            ValueError: for another size.
        """
        sizes = {  # width, depth, heads, taps, reassembled, features
            "small": (384, 12, 6, (2, 5, 8, 11), (48, 96, 192, 384), 64),
            "base": (768, 12, 12, (2, 5, 8, 11), (96, 192, 384, 768), 128),
            "large": (1024, 24, 16, (4, 11, 17, 23), (256, 512, 1024, 1024), 256),
        }
        if size not in sizes:
            raise ValueError(f"unknown size {size!r}; known: {', '.join(sizes)}")
        width, depth, heads, taps, reassembled, features = sizes[size]
        return cls(
            image_size=518,
            kind="disparity",
            embedding="patch",
            width=width,
            depth=depth,
            heads=heads,
            taps=taps,
            grid=37,
            readout="ignore",
            reassembled=reassembled,
            features=features,
            layer_scale=1e-5,
            keep_aspect=True,
        )


class DPT(DepthNetwork):
    """Pictures (B, 3, H, W) in [-1, 1] -> maps (B, H, W); H and W multiples of `config.multiple`.

    Attributes:
        trunk: the convolutional one of a hybrid; None otherwise.
        vit, decoder, head: what `tokens`, `maps` and `forward` go through.
    """

    Config = DPTConfig
    config: DPTConfig

    def __init__(self, config: DPTConfig) -> None:
        super().__init__(config)
        hybrid = config.embedding == "hybrid"
        self.trunk = build_trunk(config.trunk) if hybrid else None
        inputs = sum(self.trunk.channels[2:]) if self.trunk else 3
        self.vit = ViT(
            ViTConfig(
                inputs=inputs,
                patch=1 if hybrid else config.patch,
                width=config.width,
                depth=config.depth,
                heads=config.heads,
                grid=config.grid,
                layer_scale=config.layer_scale,
            )
        )
        width = config.width
        if config.readout == "project":
            self.readouts = nn.ModuleList(nn.Linear(2 * width, width) for _ in config.taps)
        if self.trunk:
            channels = (*self.trunk.channels[:2], width, width)
            self.reassemble = nn.ModuleList(
                [nn.Conv2d(width, width, 1), _resizing(width, width, 0.5)]
            )
        else:
            channels = config.reassembled
            self.reassemble = nn.ModuleList(
                _resizing(width, c, factor)
                for c, factor in zip(channels, (4, 2, 1, 0.5), strict=True)
            )
        self.decoder = FusionDecoder(channels, config.features)
        self.head = DepthHead(config.features)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.decoder(self.maps(images)), images.shape[-2:])

    def features(self, images: Tensor) -> Tensor:
        """The transformer's last features (B, N, C), normalised, without the class token."""
        return self.tokens(images, (self.config.depth - 1,))[0][-1][:, 1:]

    def tokens(
        self, images: Tensor, taps: tuple[int, ...]
    ) -> tuple[list[Tensor], tuple[int, int], list[Tensor]]:
        """Tokens (B, 1 + N, C) after blocks, their grid (h, w), and the trunk's four maps if any.

        Raises:
            ValueError: if H or W does not suit the network.
        """
        multiple = self.config.multiple
        height, width = images.shape[-2:]
        if height % multiple or width % multiple:
            raise ValueError(
                f"both sides must be multiples of {multiple}, got {height} x {width}"
            )
        if self.trunk is None:
            mean, std = (images.new_tensor(v).view(3, 1, 1) for v in (_MEAN, _STD))
            pixels = ((images + 1) / 2 - mean) / std
            patch = self.config.patch
            return self.vit(pixels, taps), (height // patch, width // patch), []
        found = self.trunk(images)
        grid = height // 16, width // 16
        coarse = F.interpolate(found[3], size=grid, mode="bilinear")
        return self.vit(torch.cat([found[2], coarse], dim=1), taps), grid, found

    def maps(self, images: Tensor) -> list[Tensor]:
        """What the decoder fuses: four maps, at strides 4, 8, 16, 32 or near them."""
        tokens, grid, trunk_maps = self.tokens(images, self.config.taps)
        maps = list(trunk_maps[:2])
        for i, (found, layer) in enumerate(zip(tokens, self.reassemble, strict=True)):
            x = found[:, 1:]
            if self.config.readout == "project":
                cls = found[:, :1].expand_as(x)
                x = F.gelu(self.readouts[i](torch.cat([x, cls], dim=2)))
            maps.append(layer(x.transpose(1, 2).unflatten(2, grid)))
        return maps

    def loss(
        self, images: Tensor, depth: Tensor, valid: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        return loss_of_kind(self.config.kind, self(images), depth, valid)

    def input_size(self, height: int, width: int) -> tuple[int, int]:
        side, multiple = self.config.image_size, self.config.multiple
        if not self.config.keep_aspect:
            return side, side
        scale = side / min(height, width)
        return tuple(max(1, round(n * scale / multiple)) * multiple for n in (height, width))


def _resizing(inputs: int, outputs: int, factor: float) -> nn.Module:
    """A 1x1 convolution, then a learned change of resolution by 4, 2, 1 or 1/2."""
    project = nn.Conv2d(inputs, outputs, 1)
    if factor > 1:
        size = int(factor)
        return nn.Sequential(project, nn.ConvTranspose2d(outputs, outputs, size, stride=size))
    if factor < 1:
        return nn.Sequential(project, nn.Conv2d(outputs, outputs, 3, stride=2, padding=1))
    return project
