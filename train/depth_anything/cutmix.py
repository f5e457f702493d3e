"""CutMix of unlabeled pictures and the loss in both of its regions (Depth Anything, eqs. 5-8).

Letters: B batch · H, W pixels · M mask, true where a picture keeps its own pixels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from train.depth_anything.losses import affine_invariant_error, usable


@dataclass
class Mix:
    """Which pixels of which pictures a mixed batch is made of.

    Attributes:
        partner: (B,) int64, the picture whose pixels fill the cut.
        inside: (B, 1, H, W) bool, M of eq. 5: own pixels; all true for pictures left whole.
    """

    partner: Tensor
    inside: Tensor

    def __call__(self, maps: Tensor) -> Tensor:
        """u_ab = u_a M + u_b (1 - M) (eq. 5) of pictures or maps (B, C, H, W)."""
        return torch.where(self.inside, maps, maps[self.partner])

    def to(self, device: torch.device) -> Mix:
        return Mix(self.partner.to(device), self.inside.to(device))


def draw(
    count: int,
    height: int,
    width: int,
    generator: torch.Generator,
    probability: float = 0.5,
    area: tuple[float, float] = (0.1, 0.5),
) -> Mix:
    """Choose partners and rectangles; each picture is mixed with the given probability.

    Args:
        count: B. area: smallest and largest share of the picture that is cut out.
        generator: of the CPU, so that every device draws the same.
    """
    inside = torch.ones(count, 1, height, width, dtype=torch.bool)
    # One step along a random circle: nobody is his own partner unless he is alone.
    order = torch.randperm(count, generator=generator)
    partner = torch.empty(count, dtype=torch.long)
    partner[order] = order.roll(1)
    chance, share, aspect, down, right = torch.rand(5, count, generator=generator)
    for i in range(count):
        if count > 1 and chance[i] < probability:
            cut = area[0] + (area[1] - area[0]) * float(share[i])
            stretch = math.exp((2 * float(aspect[i]) - 1) * math.log(2) / 2)  # sides up to 1 : 2
            h = min(height, max(1, round(height * math.sqrt(cut) * stretch)))
            w = min(width, max(1, round(width * math.sqrt(cut) / stretch)))
            top, left = int(down[i] * (height - h + 1)), int(right[i] * (width - w + 1))
            inside[i, :, top : top + h, left : left + w] = False
    return Mix(partner, inside)


def region_loss(prediction: Tensor, labels: Tensor, known: Tensor, mix: Mix) -> Tensor:
    """Affine-invariant error in either region by itself, averaged by area (eqs. 6-8).

    The teacher's labels of two pictures have different scales and shifts, hence one
    standardisation for each region.

    Args:
        prediction: (B, 1, H, W), the student's disparity of the mixed pictures.
        labels: (B, 1, H, W), the teacher's disparity of the clean, unmixed pictures.
        known: (B, 1, H, W) bool, where labels hold.

    Returns:
        scalar, the mean over pictures.
    """
    own = known & mix.inside
    other = known[mix.partner] & ~mix.inside
    foreign = labels[mix.partner]
    error = labels.new_zeros(len(labels))
    total = labels.new_zeros(len(labels))
    for target, mask in ((labels, own), (foreign, other)):
        area = mask.flatten(1).float().mean(1) * usable(target, mask)
        error = error + area * affine_invariant_error(prediction, target, mask)
        total = total + area
    return (error / total.clamp_min(1e-6)).sum() / (total > 0).sum().clamp_min(1)
