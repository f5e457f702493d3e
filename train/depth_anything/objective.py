"""What a training step minimises: the mean of labelled, unlabeled and alignment loss (section 3).

Letters: B batch · U unlabeled pictures of it · H, W pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor

from train.data.sample import Batch
from train.depth_anything import cutmix
from train.depth_anything.batches import Unlabeled
from train.depth_anything.frozen_encoder import FrozenEncoder
from train.depth_anything.losses import affine_invariant_loss, disparity
from train.depth_anything.network import Student
from train.depth_anything.perturbations import Strength, perturb

Report = dict[str, Tensor]


@dataclass(frozen=True)
class Terms:
    """What unlabeled pictures are used for; the rows of the paper's table 9.

    Raises:
        ValueError: for a term that needs another one.
    """

    unlabeled: bool = True  # eq. 4 on clean pictures
    perturbed: bool = True  # colours, blur and CutMix (eqs. 5-8)
    aligned: bool = True  # eq. 9

    def __post_init__(self) -> None:
        if (self.perturbed or self.aligned) and not self.unlabeled:
            raise ValueError("perturbations and feature alignment are for unlabeled pictures")


class Objective:
    """Loss of a student on a labelled and, with terms that want it, an unlabeled batch.

    Args:
        encoder: frozen; needed for the term `aligned`.
        strength: of the perturbations. cut: probability of CutMix.
        autocast: makes the context of the forward passes.
    """

    def __init__(
        self,
        student: Student,
        terms: Terms,
        encoder: FrozenEncoder | None = None,
        strength: Strength | None = None,
        cut: float = 0.5,
        autocast: Callable[[], AbstractContextManager] = nullcontext,
    ) -> None:
        if terms.aligned and (encoder is None or student.align is None):
            raise ValueError("feature alignment needs a frozen encoder")
        self.student, self.terms, self.encoder = student, terms, encoder
        self.strength, self.cut, self.autocast = strength or Strength(), cut, autocast

    def __call__(self, labelled: Batch, unlabeled: Unlabeled | None) -> tuple[Tensor, Report]:
        """Mean of the terms' losses (one forward pass for all pictures), numbers to log."""
        if unlabeled is None:
            prediction, _ = self._predict(labelled.image)
            loss = self._labelled(prediction, labelled)
            return loss, {"labelled": loss.detach()}
        clean, seen, mix = self.pictures_of(unlabeled)
        prediction, features = self._predict(torch.cat([labelled.image, seen]))
        count = len(labelled.image)
        losses = {
            "labelled": self._labelled(prediction[:count], labelled),
            "unlabeled": cutmix.region_loss(
                prediction[count:], unlabeled.disparity, unlabeled.known, mix
            ),
        }
        report: Report = {}
        if self.terms.aligned:
            with self.autocast():
                frozen = self.encoder(clean)
            losses["aligned"], report = self.student.align(features[count:], frozen)
        total = torch.stack(list(losses.values())).mean()
        return total, report | {name: loss.detach() for name, loss in losses.items()}

    def pictures_of(self, unlabeled: Unlabeled) -> tuple[Tensor, Tensor, cutmix.Mix]:
        """What the frozen encoder and the student see of a batch, and how it was mixed.

        The mixed pictures of both have the same layout, so that features belong to the same things;
        colours are disturbed for the student alone.
        """
        u = unlabeled.image
        if not self.terms.perturbed:
            whole = torch.ones_like(unlabeled.known)
            return u, u, cutmix.Mix(torch.arange(len(u), device=u.device), whole)
        generator = torch.Generator().manual_seed(unlabeled.seed)
        mix = cutmix.draw(len(u), *u.shape[-2:], generator, self.cut).to(u.device)
        return mix(u), mix(perturb(u, generator, self.strength)), mix

    def _predict(self, images: Tensor) -> tuple[Tensor, Tensor]:
        with self.autocast():
            prediction, features = self.student(images)
        return prediction.float(), features.float()

    def _labelled(self, prediction: Tensor, batch: Batch) -> Tensor:
        target, known = disparity(batch.depth)
        return affine_invariant_loss(prediction, target, known)
