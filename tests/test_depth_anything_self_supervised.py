"""VICReg's terms by hand, and a trunk that can be used as a frozen encoder."""

import numpy as np
import pytest
import torch
from PIL import Image

from train.depth_anything import self_supervised
from train.depth_anything.frozen_encoder import frozen_encoder
from train.depth_anything.self_supervised import vicreg


def test_the_terms_by_hand():
    a = torch.tensor([[1.0, 1.0], [-1.0, -1.0]])
    b = torch.tensor([[1.0, 3.0], [-1.0, -1.0]])
    total, terms = vicreg(a, b)
    assert terms["invariance"].item() == pytest.approx(4 / 4)
    assert terms["variance"].item() == 0  # variances 2, 2, 2, 8: all beyond 1
    # cov(a) = 2 off the diagonal, twice, over 2 channels: 4; cov(b) = 4: 16
    assert terms["covariance"].item() == pytest.approx(4 + 16)
    assert total.item() == pytest.approx(25 * 1 + 1 * 20)


def test_a_collapse_costs():
    same = torch.ones(8, 4)
    _, terms = vicreg(same, same)
    assert terms["invariance"] == 0 and terms["variance"].item() == pytest.approx(0.99, abs=1e-3)


def test_photos_make_an_encoder(tmp_path, capsys):
    photos = tmp_path / "photos"
    photos.mkdir()
    rng = np.random.default_rng(0)
    for i in range(3):
        Image.fromarray(rng.integers(0, 255, (70, 80, 3), dtype=np.uint8)).save(photos / f"{i}.png")
    command = ["-o", str(tmp_path / "run"), "--photos", str(photos), "--image-size", "64"]
    command += ["--backbone", "efficientnet_lite0", "--steps", "2", "--batch-size", "2"]
    self_supervised.main([*command, "--device", "cpu", "--log-every", "1", "--warmup", "0"])
    assert "of two pictures" in capsys.readouterr().out
    encoder = frozen_encoder("efficientnet_lite0", tmp_path / "run/trunk.safetensors")
    assert encoder(torch.zeros(1, 3, 64, 64)).shape == (1, encoder.channels, 2, 2)
    trained = torch.load(tmp_path / "run/state.pt", weights_only=True)["ema"]
    kept = dict(encoder.trunk.named_parameters())["convolutions.3.weight"]
    torch.testing.assert_close(kept, trained["trunk.convolutions.3.weight"], atol=1e-3, rtol=1e-2)
