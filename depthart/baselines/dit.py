"""DiT-depth: a diffusion transformer (Peebles & Xie, arXiv 2212.09748) on the VQ-VAE's latents.

The DepthART paper's diffusion baseline at our size. Depth is the VQ-VAE's continuous features
before quantisation; the picture's features, the VQ-VAE's own and a trunk's, are concatenated to
them along channels. Trained as a rectified flow (arXiv 2209.03003): x_t = (1 - t) x_0 + t noise,
the network predicts v = noise - x_0, and a few equal steps of dx = v dt lead from noise to depth.

Letters: B batch, z latent channels, S latent side, C width, H x W pixels, t time from 0 to 1.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from depthart.baselines.losses import relative_depth
from depthart.baselines.network import DepthNetwork, NetworkConfig
from depthart.baselines.vit import Attention, Mlp
from depthart.config import SMALL_VQVAE, from_fields
from depthart.normalize import fill_invalid, to_log
from depthart.trunks import build_trunk
from depthart.vqvae import VQVAE, VQVAEConfig


@dataclass(frozen=True)
class DiTConfig(NetworkConfig):
    """Sizes of a `DiTDepth`; the defaults are dit-small's.

    Raises:
        ValueError: for values that do not fit one another.
    """

    width: int = 192  # C
    depth: int = 4  # blocks; 29.8 MB in fp16 with EfficientNet-Lite2 and the small VQ-VAE
    heads: int = 6
    steps: int = 8  # of the sampler
    vqvae: VQVAEConfig = field(default_factory=lambda: SMALL_VQVAE)

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.vqvae, Mapping):
            object.__setattr__(self, "vqvae", from_fields(VQVAEConfig, self.vqvae))
        if self.kind != "scale_invariant":
            raise ValueError(f"DiT-depth is scale_invariant, got {self.kind!r}")
        if self.image_size != self.vqvae.image_size or self.image_size != 16 * self.side:
            raise ValueError(
                f"image size {self.image_size} needs a VQ-VAE of that size and stride 16, got"
                f" {self.vqvae.image_size} and {self.vqvae.image_size // self.side}"
            )
        if self.width % self.heads or self.steps < 1:
            raise ValueError(
                f"width {self.width} must be a multiple of {self.heads} heads, and steps"
                f" {self.steps} at least 1"
            )

    @property
    def side(self) -> int:
        return self.vqvae.scales.finest


class DiTDepth(DepthNetwork):
    """Pictures (B, 3, H, W) in [-1, 1] -> depth (B, H, W) in [0, 1]; H = W = `image_size`.

    Attributes:
        vqvae: frozen; its weights are loaded before training (`train.baseline --vqvae`).
        trunk: learned features of the picture.
    """

    Config = DiTConfig
    stochastic = True
    config: DiTConfig

    def __init__(self, config: DiTConfig) -> None:
        super().__init__(config)
        width, channels = config.width, config.vqvae.latent_channels
        self.vqvae = VQVAE(config.vqvae).requires_grad_(False)
        self.trunk = build_trunk(config.trunk)
        a, b, c, d = self.trunk.channels
        self.fuse = nn.Sequential(
            nn.LayerNorm(16 * a + 4 * b + c + d), nn.Linear(16 * a + 4 * b + c + d, width)
        )
        self.embed = nn.Linear(2 * channels + width, width)
        self.position = nn.Parameter(torch.zeros(1, config.side**2, width))
        self.time = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        self.blocks = nn.ModuleList(DiTBlock(width, config.heads) for _ in range(config.depth))
        self.final = nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, channels)
        for layer in (self.final, self.out):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        nn.init.trunc_normal_(self.position, std=0.02)
        for name in ("depth", "picture"):  # mean and spread of the latents, see `begin`
            self.register_buffer(f"{name}_mean", torch.zeros(1, channels, 1, 1))
            self.register_buffer(f"{name}_std", torch.ones(1, channels, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        """The last step of `refine` with a fixed seed."""
        *_, last = self.refine(images, Generator().manual_seed(0))
        return last

    def refine(self, images: Tensor, generator: Generator) -> Iterator[Tensor]:
        """Yield what the network takes the depth (B, H, W) to be, after each step."""
        condition = self.condition(images)
        shape = len(images), self.config.vqvae.latent_channels, self.config.side, self.config.side
        x = torch.randn(shape, generator=generator).to(images.device)
        times = torch.linspace(1, 0, self.config.steps + 1).tolist()
        for now, following in zip(times, times[1:], strict=False):
            t = torch.full((len(images),), now, device=images.device)
            velocity = self.velocity(x, t, condition)
            yield self.decode(x - now * velocity)
            x = x + (following - now) * velocity

    def loss(
        self, images: Tensor, depth: Tensor, valid: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        target = self._latents(self._depth_image(depth, valid), "depth")
        t = torch.rand(len(images), device=images.device)
        noise = torch.randn_like(target)
        share = t.view(-1, 1, 1, 1)
        x = (1 - share) * target + share * noise
        velocity = self.velocity(x, t, self.condition(images))
        loss = F.mse_loss(velocity, noise - target)
        return loss, {"flow": loss.detach()}

    @torch.no_grad()
    def begin(self, images: Tensor, depth: Tensor, valid: Tensor) -> None:
        """Measure mean and spread of each latent channel."""
        for name, pictures in (("depth", self._depth_image(depth, valid)), ("picture", images)):
            latents = self.vqvae.encode(pictures).float()
            spread, mean = torch.std_mean(latents, dim=(0, 2, 3), keepdim=True)
            getattr(self, f"{name}_mean").copy_(mean)
            getattr(self, f"{name}_std").copy_(spread.clamp_min(1e-3))

    def condition(self, images: Tensor) -> Tensor:
        """What is known of the pictures, (B, S * S, z + C): constant while denoising.

        Raises:
            ValueError: for pictures of another size.
        """
        size = self.config.image_size
        if images.shape[-2:] != (size, size):
            raise ValueError(f"expected pictures of {size} x {size}, got {tuple(images.shape)}")
        taps = self.trunk(images)
        grids = [
            F.pixel_unshuffle(taps[0], 4),
            F.pixel_unshuffle(taps[1], 2),
            taps[2],
            F.interpolate(taps[3], size=taps[2].shape[-2:], mode="bilinear"),
        ]
        seen = self.fuse(torch.cat(grids, dim=1).flatten(2).transpose(1, 2))
        latents = self._latents(images, "picture").flatten(2).transpose(1, 2)
        return torch.cat([latents, seen], dim=2)

    def velocity(self, x: Tensor, t: Tensor, condition: Tensor) -> Tensor:
        """v of noisy latents (B, z, S, S) at times (B,)."""
        tokens = torch.cat([x.flatten(2).transpose(1, 2), condition], dim=2)
        tokens = self.embed(tokens) + self.position
        state = self.time(time_features(t, self.config.width))
        for block in self.blocks:
            tokens = block(tokens, state)
        scale, shift = self.final(F.silu(state))[:, None].chunk(2, dim=-1)
        velocity = self.out(_modulate(tokens, scale, shift)).transpose(1, 2)
        return velocity.unflatten(2, x.shape[-2:]).float()

    def decode(self, x: Tensor) -> Tensor:
        """Standardised latents (B, z, S, S) -> depth (B, H, W) in [0, 1]."""
        return self.vqvae.to_depth(self.vqvae.decode(x * self.depth_std + self.depth_mean))

    def _depth_image(self, depth: Tensor, valid: Tensor) -> Tensor:
        """What the VQ-VAE sees of depth (B, 1, H, W), its holes filled."""
        relative = relative_depth(fill_invalid(depth, valid), valid)
        image = to_log(2 * relative - 1, self.vqvae.config.log_offset)
        return image[:, None].expand(-1, 3, -1, -1)

    @torch.no_grad()
    def _latents(self, pictures: Tensor, name: str) -> Tensor:
        """Standardised latents of pictures or depth images."""
        latents = self.vqvae.encode(pictures).float()
        return (latents - getattr(self, f"{name}_mean")) / getattr(self, f"{name}_std")


class DiTBlock(nn.Module):
    """Attention and MLP between adaptive norms whose gates start at zero ("adaLN-zero")."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attention = Attention(width, heads)
        self.mlp = Mlp(width)
        self.modulation = nn.Linear(width, 6 * width)
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)

    def forward(self, x: Tensor, state: Tensor) -> Tensor:
        """x: (B, S * S, C). state: (B, C), the embedded time."""
        parts = self.modulation(F.silu(state))[:, None].chunk(6, dim=-1)
        scale1, shift1, gate1, scale2, shift2, gate2 = parts
        x = x + gate1 * self.attention(_modulate(x, scale1, shift1))
        return x + gate2 * self.mlp(_modulate(x, scale2, shift2))


def time_features(t: Tensor, width: int) -> Tensor:
    """Sines and cosines of times (B,) in [0, 1] at `width` / 2 frequencies, (B, width)."""
    half = width // 2
    frequencies = torch.exp(-math.log(10_000) * torch.arange(half, device=t.device) / half)
    angles = 1000 * t[:, None] * frequencies
    return torch.cat([angles.cos(), angles.sin()], dim=1)


def _modulate(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    return F.layer_norm(x, x.shape[-1:], eps=1e-6) * (1 + scale) + shift
