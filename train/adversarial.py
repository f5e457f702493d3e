"""Optional term of the VQ-VAE's loss: a discriminator of patches (VQGAN, Esser et al., 2021).

Hinge losses, an adaptive weight that matches the gradients of reconstruction and discriminator at
the decoder's last layer, and a start after the reconstruction has become a picture.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from train import processes

MAX_WEIGHT = 1e4  # of the adaptive factor


class PatchDiscriminator(nn.Sequential):
    """Pictures (B, 3, S, S) -> realness of overlapping 70-pixel patches (B, 1, S / 8 - 2, ...)."""

    def __init__(self, width: int = 64) -> None:
        layers: list[nn.Module] = [nn.Conv2d(3, width, 4, 2, 1), nn.LeakyReLU(0.2)]
        inputs = width
        for stride, outputs in ((2, 2 * width), (2, 4 * width), (1, 8 * width)):
            layers += [
                nn.Conv2d(inputs, outputs, 4, stride, 1, bias=False),
                nn.GroupNorm(8, outputs),  # batch norm would tie the processes together
                nn.LeakyReLU(0.2),
            ]
            inputs = outputs
        super().__init__(*layers, nn.Conv2d(inputs, 1, 4, 1, 1))


class Adversary:
    """The discriminator with its optimiser; part of a run's state.

    Args:
        weight: of the generator's term, times the adaptive factor.
        start: first step that it takes part in.
        lr: its learning rate, constant.
    """

    def __init__(
        self, weight: float, start: int, lr: float, device: torch.device | str, width: int = 64
    ) -> None:
        self.weight, self.start = weight, start
        self.discriminator = PatchDiscriminator(width).to(device)
        self.optimizer = torch.optim.AdamW(
            self.discriminator.parameters(), lr=lr, betas=(0.5, 0.9), weight_decay=0
        )

    def judge(
        self, images: Tensor, rebuilt: Tensor, error: Tensor, last_layer: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The generator's term; gathers the discriminator's gradients meanwhile.

        Args:
            images, rebuilt: (B, 3, S, S), the truth and what the decoder made of it.
            error: scalar reconstruction error, with graph.
            last_layer: the decoder's last weights.

        Returns:
            scalar to add to the loss, numbers to log.
        """
        real, fake = self.discriminator(images), self.discriminator(rebuilt.detach())
        own = (F.relu(1 - real.float()).mean() + F.relu(1 + fake.float()).mean()) / 2
        own.backward()
        self.discriminator.requires_grad_(False)
        fooled = -self.discriminator(rebuilt).float().mean()
        self.discriminator.requires_grad_(True)
        factor = adaptive_factor(error, fooled, last_layer)
        report = {"discriminator": own.detach(), "fooled": fooled.detach(), "adaptive": factor}
        return self.weight * factor * fooled, report

    def after_step(self) -> None:
        """One step of the discriminator on what it has judged, if it has."""
        if any(p.grad is not None for p in self.discriminator.parameters()):
            processes.mean_gradients(self.discriminator)
            self.optimizer.step()
            self.optimizer.zero_grad(set_to_none=True)

    def state_dict(self) -> dict[str, Any]:
        return {
            "discriminator": self.discriminator.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.discriminator.load_state_dict(state["discriminator"])
        self.optimizer.load_state_dict(state["optimizer"])


def adaptive_factor(error: Tensor, fooled: Tensor, last_layer: Tensor) -> Tensor:
    """|gradient of the error| / |gradient of the adversarial term| at the last layer, no graph."""
    (wanted,) = torch.autograd.grad(error, last_layer, retain_graph=True)
    (offered,) = torch.autograd.grad(fooled, last_layer, retain_graph=True)
    factor = wanted.norm() / (offered.norm() + 1e-4)
    return processes.mean(factor.clamp(0, MAX_WEIGHT).detach())
