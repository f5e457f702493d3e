"""What a baseline's network offers to its predictor and to `train.baseline`, on tensors alone.

Letters: B batch, H x W pixels of the network's input.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar, get_args

from torch import Generator, Tensor, nn

from depthart.baselines import FAMILIES
from depthart.config import from_fields
from depthart.prediction import Kind
from depthart.trunks import TRUNKS


@dataclass(frozen=True)
class NetworkConfig:
    """What the configurations of all baselines share; saved as `config.json`.

    Raises:
        ValueError: for an unknown kind or trunk, or a side that does not suit the trunk.
    """

    image_size: int = 256  # side of the square that photos are squashed to
    kind: Kind = "scale_invariant"  # what the depth leaves open; it chooses the loss as well
    trunk: str = "efficientnet_lite0"  # one of `depthart.trunks.TRUNKS`

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ValueError(f"unknown kind {self.kind!r}; known: {', '.join(get_args(Kind))}")
        if self.trunk not in TRUNKS:
            raise ValueError(f"unknown trunk {self.trunk!r}; known: {', '.join(TRUNKS)}")
        if self.image_size < self.multiple or self.image_size % self.multiple:
            raise ValueError(
                f"the image size must be a multiple of {self.multiple}, got {self.image_size}"
            )

    @property
    def multiple(self) -> int:
        """What the sides of pictures must be multiples of."""
        return 32


class DepthNetwork(nn.Module):
    """A network from pictures to maps; a baseline is a subclass of it.

    Attributes:
        Config: the class of `config`, a frozen dataclass.
        stochastic: whether `refine` depends on its random generator.
        config: sizes and kind.
    """

    Config: ClassVar[type[NetworkConfig]] = NetworkConfig
    stochastic: ClassVar[bool] = False
    config: Any

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config

    def forward(self, images: Tensor) -> Tensor:
        """Pictures (B, 3, H, W) in [-1, 1] -> maps (B, H, W) >= 0 of `config.kind`."""
        raise NotImplementedError

    def refine(self, images: Tensor, generator: Generator) -> Iterator[Tensor]:
        """Yield the map (B, H, W) after each step; one step unless overridden."""
        yield self(images)

    def loss(
        self, images: Tensor, depth: Tensor, valid: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """What training minimises, and numbers to log.

        Args:
            images: (B, 3, H, W) in [-1, 1].
            depth: (B, 1, H, W) true depth in any unit. valid: (B, 1, H, W) bool.
        """
        raise NotImplementedError

    def begin(self, images: Tensor, depth: Tensor, valid: Tensor) -> None:
        """Look at the first batch before training starts, as for the spread of the targets."""

    def input_size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width at which a photo of height x width enters the network."""
        return self.config.image_size, self.config.image_size


def network_class(family: str) -> type[DepthNetwork]:
    """The class of a family of `FAMILIES`.

    Raises:
        ValueError: for an unknown family, listing the known ones.
    """
    if family not in FAMILIES:
        raise ValueError(f"unknown baseline {family!r}; known: {', '.join(FAMILIES)}")
    module, _, name = FAMILIES[family].partition(":")
    return getattr(import_module(module), name)


def build_network(family: str, values: dict[str, Any] | None = None) -> DepthNetwork:
    """A network with random weights.

    Args:
        family: one of `FAMILIES`.
        values: fields of its configuration that differ from the defaults.

    Raises:
        ValueError: for an unknown family or field, or values that do not fit one another.
    """
    network = network_class(family)
    return network(from_fields(network.Config, values or {}))
