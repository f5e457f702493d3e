"""What a step would cost, without data, weights or memory: `--dry-run`.

The step runs on fake tensors, which have shapes and types only; operations are counted with
`torch.utils.flop_counter`'s formulas, and what autograd keeps for the backward pass is summed up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

M = TypeVar("M", bound=nn.Module)


@dataclass(frozen=True)
class Cost:
    """Of one process and one part of a step."""

    samples: int
    parameters: int
    trained: int
    weights_bytes: int
    gradients_bytes: int
    optimizer_bytes: int  # AdamW's two moments
    average_bytes: int  # EMA
    activations_bytes: int  # kept for the backward pass
    forward_flops: int  # roll-out and frozen encoders included
    backward_flops: int

    @property
    def memory_bytes(self) -> int:
        return (
            self.weights_bytes
            + self.gradients_bytes
            + self.optimizer_bytes
            + self.average_bytes
            + self.activations_bytes
        )

    def __str__(self) -> str:
        return "\n".join(
            (
                f"parameters   {self.parameters / 1e6:10.2f} M, {self.trained / 1e6:.2f} M trained",
                f"weights      {self.weights_bytes / 2**20:10.1f} MiB",
                f"gradients    {self.gradients_bytes / 2**20:10.1f} MiB",
                f"optimiser    {self.optimizer_bytes / 2**20:10.1f} MiB",
                f"average      {self.average_bytes / 2**20:10.1f} MiB",
                f"activations  {self.activations_bytes / 2**20:10.1f} MiB, {self.samples} samples",
                f"together     {self.memory_bytes / 2**20:10.1f} MiB",
                f"forward      {self.forward_flops / 1e9:10.1f} GFLOP",
                f"backward     {self.backward_flops / 1e9:10.1f} GFLOP",
            )
        )


@contextmanager
def imagined(build: Callable[[], M]) -> Iterator[M]:
    """A module of fake parameters on the CPU; inside, tensors that are made are fake too."""
    from torch._subclasses.fake_tensor import FakeTensorMode

    with torch.device("meta"):  # real shapes first: some initialisers look at their numbers
        module = build()
    with FakeTensorMode(allow_non_fake_inputs=True):
        yield module.to_empty(device="cpu")


def estimate(module: nn.Module, loss_of: Callable[[], Tensor], samples: int) -> Cost:
    """Run forward and backward pass once, real or imagined, and count.

    Args:
        loss_of: the loss of one part of a step; frozen parts marked by `requires_grad`.
        samples: in that part.
    """
    weights = {p.untyped_storage()._cdata for p in module.parameters()}
    kept: dict[int, int] = {}

    def keep(value: Tensor) -> Tensor:
        storage = value.untyped_storage()
        if storage._cdata not in weights:
            kept[storage._cdata] = storage.nbytes()
        return value

    with FlopCount() as count:
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda value: value):
            loss = loss_of()
        forward = count.total
        loss.backward()
    sizes = [(p.numel(), p.nbytes, p.requires_grad) for p in module.parameters()]
    gradients = sum(nbytes for _, nbytes, trained in sizes if trained)
    every = sum(nbytes for _, nbytes, _ in sizes)
    return Cost(
        samples=samples,
        parameters=sum(n for n, _, _ in sizes),
        trained=sum(n for n, _, trained in sizes if trained),
        weights_bytes=every,
        gradients_bytes=gradients,
        optimizer_bytes=2 * gradients,
        average_bytes=every,
        activations_bytes=sum(kept.values()),
        forward_flops=forward,
        backward_flops=count.total - forward,
    )


class FlopCount(TorchDispatchMode):
    """Counts floating-point operations of matrix products, convolutions and attention.

    `torch.utils.flop_counter.FlopCounterMode` also follows modules, and stumbles over parameters
    that are taken apart without gradients, as the roll-out does.
    """

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        result = function(*args, **kwargs)
        packet = function._overloadpacket
        if packet is torch.ops.aten.convolution_backward:
            self.total += _convolution_backward_flops(*args)
        elif packet in flop_registry:
            self.total += flop_registry[packet](*args, **kwargs, out_val=result)
        return result


def _convolution_backward_flops(gradient: Tensor, x: Tensor, weight: Tensor, *rest) -> int:
    """As many for each of both gradients as the forward pass; torch's formula ignores groups."""
    transposed, wanted = rest[4], rest[7]
    positions = (x if transposed else gradient)[:, 0].numel()
    return 2 * positions * weight.numel() * (bool(wanted[0]) + bool(wanted[1]))
