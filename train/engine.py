"""A module in training, alone, replicated (DDP) or sharded (FSDP); the loop sees no difference.

The step's computation is a function that uses the module in several ways (roll-out, masked pass,
encoding), not a call of its `forward` alone. It therefore runs *inside* the forward pass of a small
wrapper: there DDP's hooks are set and FSDP's parameters are whole. FSDP shards parameters,
gradients, optimiser and averages as one unit: a roll-out calls every block ten times, and gathering
block by block would send the weights ten times over.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from train import processes

T = TypeVar("T")
Names = list[list[str]]  # parameters of each group of the optimiser


class Engine:
    """Owns the wrapper of `module`; groups of parameters are given and kept by name.

    Args:
        module: already on its device. With FSDP its parameters are replaced by shards.
        groups: AdamW's parameter groups.
        fsdp: shard over all processes instead of replicating.

    Raises:
        ValueError: for FSDP in a single process.
    """

    def __init__(self, module: nn.Module, groups: list[dict[str, Any]], fsdp: bool) -> None:
        self.module, self.device = module, next(module.parameters()).device
        self.sharded = fsdp or processes.wants_fsdp()
        joined = processes.accelerator(self.device.type)
        if self.sharded and joined is None:
            raise ValueError(
                "FSDP shards over several processes, and this is one: start the command with "
                "`accelerate launch --num_processes N -m train. ...` or leave --fsdp out"
            )
        names = {id(p): name for name, p in module.named_parameters()}
        self.names: Names = [[names[id(p)] for p in group["params"]] for group in groups]
        self._call: nn.Module = _Call(module)
        if self.sharded:
            _shard(self._call, self.device.type)
        elif joined is not None:
            self._call = joined.prepare_model(self._call)
        parameters = dict(module.named_parameters())
        for group, group_names in zip(groups, self.names, strict=True):
            group["params"] = [parameters[name] for name in group_names]
        self.parameters = [p for group in groups for p in group["params"]]

    def run(self, function: Callable[[], T]) -> T:
        """Call a function that uses the module, on all processes if it is sharded."""
        result = self._call(function)
        if self.sharded and not torch.is_grad_enabled():
            self._call.reshard()
        return result

    def backward(self, function: Callable[[], tuple[Tensor, T]], share: float, last: bool):
        """Gradients of `share` times the function's loss, averaged over processes if `last`."""
        if self.sharded:
            self._call.set_requires_gradient_sync(last)
        replicated = isinstance(self._call, nn.parallel.DistributedDataParallel)
        with self._call.no_sync() if replicated and not last else nullcontext():
            loss, report = self.run(function)
            (loss * share).backward()
        return loss.detach(), report

    def clip(self, limit: float) -> Tensor:
        """Scale all gradients down to a norm of `limit`; the norm before."""
        norm = nn.utils.clip_grad_norm_(self.parameters, limit)
        return norm.full_tensor() if self.sharded else norm

    # ---- whole tensors, whatever the sharding: what is saved has one format ----------------

    def whole(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """Gather a state dict of (possibly) shards; to be called by all processes."""
        return {key: _whole(value) for key, value in state.items()}

    def load_module(self, state: dict[str, Tensor]) -> None:
        self.module.load_state_dict(self.shards(state) if self.sharded else state)

    def shards(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """Inverse of `whole` for the module's own keys; copies."""
        like = self.module.state_dict()
        return {key: _like(value, like[key]) for key, value in state.items()}

    def optimizer_state(self, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
        """The optimiser's state dict with whole tensors; to be called by all processes."""
        state = optimizer.state_dict()
        if self.sharded:
            state["state"] = {n: self.whole(slots) for n, slots in state["state"].items()}
        return state

    def load_optimizer(self, optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
        if self.sharded:
            slots_of = {
                n: {k: _like(v, self.parameters[n]) if v.ndim else v for k, v in slots.items()}
                for n, slots in state["state"].items()
            }
            state = {**state, "state": slots_of}
        optimizer.load_state_dict(state)


class _Call(nn.Module):
    """Runs a function during its own forward pass."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, function: Callable[[], T]) -> T:
        return function()


def _shard(module: nn.Module, device_type: str) -> None:
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    for value in module.state_dict().values():
        processes.from_main(value)
    fully_shard(module, mesh=init_device_mesh(device_type, (processes.size(),)))


def _whole(value: Tensor) -> Tensor:
    return value.full_tensor() if hasattr(value, "full_tensor") else value


def _like(value: Tensor, like: Tensor) -> Tensor:
    """A whole tensor cut up as `like` is; every process has the whole one already."""
    value = value.to(like.device)
    if not hasattr(like, "placements"):
        return value.clone()
    from torch.distributed.tensor import distribute_tensor

    return distribute_tensor(value, like.device_mesh, like.placements)
