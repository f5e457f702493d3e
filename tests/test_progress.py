"""What a run tells: means over the steps of a line, a bar on terminals, no line from the future."""

import io
import json

import pytest
import torch

from train.loop import RunConfig
from train.progress import Progress


def lines(folder):
    return [json.loads(text) for text in (folder / "log.jsonl").read_text().splitlines()]


def test_lines_are_means_over_what_was_reported(tmp_path):
    """`partial` was reported in one step of two, `part` in halves of a step."""
    progress = Progress(tmp_path, RunConfig(steps=4, batch_size=1, log_every=2), 0)
    for step, extra in enumerate([{"partial": 3.0}, {}, {}, {}]):
        progress.add({"loss": torch.tensor(float(step)), **extra})
        progress.add({"part": 1.0}, share=0.5)
        progress.add({"part": 2.0}, share=0.5)
        progress.after(step + 1, lr=0.1)
    progress.close()
    first, second = lines(tmp_path)
    assert (first["loss"], first["partial"], first["part"]) == (0.5, 3.0, 1.5)
    assert second["loss"] == 2.5 and "partial" not in second and second["step"] == 4


def test_a_terminal_gets_a_bar(tmp_path, monkeypatch):
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr("sys.stderr", terminal)
    progress = Progress(tmp_path, RunConfig(steps=40, batch_size=8, log_every=2), 20)
    for step in range(20, 22):
        progress.add({"loss": 1.0})
        progress.after(step + 1, lr=0.1)
    progress.close()
    shown = terminal.getvalue()
    assert "22/40" in shown and "samples/s" in shown and "step" in shown
    assert "loss 1" in shown


def test_lines_after_the_last_checkpoint_go(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text('{"step": 2, "loss": 1}\n{"step": 4, "loss": 2}\n{"step": 6, "lo')
    Progress(tmp_path, RunConfig(), 3).close()
    assert lines(tmp_path) == [{"step": 2, "loss": 1}]


def test_a_loss_that_is_no_number_is_told(tmp_path):
    progress = Progress(tmp_path, RunConfig(log_every=1), 0)
    progress.add({"loss": float("inf")})
    with pytest.raises(FloatingPointError, match="inf between steps 0 and 1"):
        progress.after(1, lr=0.1)
