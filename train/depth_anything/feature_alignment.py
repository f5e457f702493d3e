"""Feature alignment with a frozen encoder (Depth Anything, section 3.3, eq. 9).

Letters: B batch · C channels of the student · D channels of the frozen encoder · h, w cells.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F


def alignment_loss(student: Tensor, frozen: Tensor, margin: float = 0.15) -> Tensor:
    """1 - mean cosine over the cells that are not yet similar enough (eq. 9).

    Cells whose cosine exceeds alpha = 1 - margin are left out: depth may differ within what the
    frozen encoder holds for one thing, so the student needs not follow it to the end.

    Args:
        student, frozen: (B, D, h, w). margin: tolerance, 0 to 1; the paper's is 0.15.

    Returns:
        scalar; 0 when all cells are similar enough.
    """
    if not 0 <= margin <= 1:
        raise ValueError(f"the tolerance margin lies between 0 and 1, got {margin}")
    cosine = F.cosine_similarity(student.float(), frozen.float(), dim=1)  # (B, h, w)
    kept = (cosine <= 1 - margin).float()
    return ((1 - cosine) * kept).sum() / kept.sum().clamp_min(1)


class Alignment(nn.Module):
    """Compares the student's features with those of another encoder.

    With equal channels (DINOv2 against itself, as in the paper) features are compared as they are.
    Otherwise a linear map, trained along, brings the student's to the other's channels; it is a
    part of the training only and not of the student.

    Args:
        channels: C. frozen_channels: D.
    """

    def __init__(self, channels: int, frozen_channels: int, margin: float = 0.15) -> None:
        super().__init__()
        self.margin = margin
        same = channels == frozen_channels
        self.project = nn.Identity() if same else nn.Conv2d(channels, frozen_channels, 1)

    def forward(self, student: Tensor, frozen: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """(B, C, h, w) and (B, D, h', w') -> loss, and numbers for the log.

        Features are compared on the student's cells. The numbers: `cosine`, the mean over all
        cells, and `left_out`, the share of them that is within the tolerance.
        """
        frozen = frozen.float()
        if frozen.shape[-2:] != student.shape[-2:]:
            frozen = F.interpolate(frozen, student.shape[-2:], mode="bilinear")
        projected = self.project(student.float())
        cosine = F.cosine_similarity(projected.detach(), frozen, dim=1)
        left_out = (cosine > 1 - self.margin).float().mean()
        report = {"cosine": cosine.mean(), "left_out": left_out}
        return alignment_loss(projected, frozen, self.margin), report
