"""What holds for every family of baselines: shapes, files, speed of learning, the registry."""

import json
from dataclasses import replace

import pytest
import torch

from depthart.baselines import FAMILIES
from depthart.baselines.network import build_network, network_class
from depthart.baselines.predictor import BaselinePredictor, save_network
from depthart.checkpoints import CheckpointError
from depthart.config import TINY_VQVAE
from depthart.registry import list_models, load
from depthart.trunks import TRUNKS, Stage

TINY = {
    "midas": {"features": 16},
    "dpt": {"width": 32, "depth": 2, "heads": 2, "taps": (0, 1), "features": 16},
    "gp2": {"features": 16},
    "adabins": {"features": 16, "bins": 16, "kernels": 8, "width": 32, "depth": 1, "heads": 2},
    "dit": {
        "width": 32,
        "depth": 2,
        "heads": 2,
        "steps": 3,
        "vqvae": replace(TINY_VQVAE, image_size=64, sides=(1, 2, 4)),
    },
}


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Networks this small only wait for one another on several threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module", autouse=True)
def tiny_trunk():
    """A trunk of five small blocks beside the real ones."""
    with pytest.MonkeyPatch.context() as patch:
        stages = (Stage(1, 8, 1, 1), *(Stage(2, c, 1, 2) for c in (8, 16, 16, 32)))
        patch.setitem(TRUNKS, "tiny", stages)
        yield


def tiny(family, **changes):
    torch.manual_seed(0)
    values = {"trunk": "tiny", "image_size": 64, **TINY[family], **changes}
    return build_network(family, values)


@pytest.fixture(params=TINY)
def family(request):
    return request.param


@pytest.fixture(scope="module")
def batch():
    """Two pictures and their depth: brighter is nearer; one column was not measured."""
    rows = torch.linspace(0.2, 1, 64)[:, None].expand(64, 64)
    depth = torch.stack([rows, 1.2 - rows.T * 0.9])[:, None]
    images = (1.2 - depth).expand(-1, 3, -1, -1) * 2 - 1
    valid = torch.ones_like(depth, dtype=torch.bool)
    valid[..., 10] = False
    return images, depth * 3, valid


def test_every_family_has_a_small_model_in_the_registry():
    infos = {info.name: info for info in list_models()}
    for family in TINY:
        assert family in FAMILIES
        assert infos[f"{family}-small"].family == "baseline"


def test_shapes(family):
    network = tiny(family).eval()
    side = network.config.image_size
    images = torch.rand(2, 3, side, side) * 2 - 1
    with torch.no_grad():
        maps = network(images)
        steps = list(network.refine(images, torch.Generator().manual_seed(0)))
    assert maps.shape == (2, side, side) and maps.isfinite().all() and (maps >= 0).all()
    assert len(steps) == (3 if family == "dit" else 1)
    torch.testing.assert_close(steps[-1], maps)


def test_it_learns_two_pictures(family, batch):
    network = tiny(family)
    images, depth, valid = batch
    network.begin(images, depth, valid)
    optimizer = torch.optim.AdamW([p for p in network.parameters() if p.requires_grad], 3e-3)
    losses = []
    for step in range(60):
        torch.manual_seed(step % 4)  # the diffusion meets few times and noises
        loss, report = network.loss(images, depth, valid)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        assert report and all(not value.requires_grad for value in report.values())
    assert max(losses[-4:]) < 0.4 * losses[0], losses


def test_every_weight_learns(family, batch):
    network = tiny(family)
    images, depth, valid = batch
    network.begin(images, depth, valid)
    trained = [n for n, p in network.named_parameters() if p.requires_grad]
    torch.manual_seed(0)
    for parameter in network.parameters():  # gates that start at zero hide what is behind them
        if parameter.requires_grad:
            parameter.data += 0.02 * torch.randn_like(parameter)
    network.loss(images, depth, valid)[0].backward()
    missing = [n for n in trained if dict(network.named_parameters())[n].grad is None]
    assert missing == []


def test_a_checkpoint_opens_by_its_model_field(family, picture, tmp_path):
    network = tiny(family)
    folder = save_network(family, network, tmp_path / "mine", half=False)
    assert json.loads((folder / "config.json").read_text())["model"] == family
    predictor = load(folder, "cpu")
    assert isinstance(predictor, BaselinePredictor) and predictor.name == "mine"
    assert predictor.model.config == network.config and not predictor.model.training
    prediction = predictor.predict(picture)
    assert prediction.depth.shape == (64, 96)
    assert (prediction.depth == BaselinePredictor(network).predict(picture).depth).all()


def test_small_models_are_small(family):
    with torch.device("meta"):
        network = build_network(family)
    assert sum(v.numel() for v in network.state_dict().values()) * 2 <= 30e6


def test_midas_and_dpt_give_disparity_if_asked(batch, picture):
    for name in ("midas", "dpt"):
        network = tiny(name, kind="disparity")
        loss, report = network.loss(*batch)
        assert set(report) == {"ssi", "gradient"} and loss.isfinite()
        assert BaselinePredictor(network).predict(picture).kind == "disparity"


@pytest.mark.parametrize("name", ["gp2", "adabins", "dit"])
def test_the_others_refuse(name):
    with pytest.raises(ValueError, match="scale_invariant"):
        tiny(name, kind="disparity")


def test_diffusion_depends_on_its_seed_alone(picture):
    predictor = BaselinePredictor(tiny("dit"))
    torch.nn.init.normal_(predictor.model.out.weight, std=0.1)
    from depthart.sampling import Sampler

    first, again, other = (
        predictor.predict(picture, Sampler("sample", seed=seed)) for seed in (1, 1, 2)
    )
    assert len(first.steps) == 3 and first.refined
    assert (first.depth == again.depth).all() and (first.depth != other.depth).any()
    assert predictor.predict(picture, ensemble=2).uncertainty is not None


def test_unknown_families_and_fields(tmp_path):
    with pytest.raises(ValueError, match="unknown baseline 'resnet'; known: midas"):
        network_class("resnet")
    with pytest.raises(ValueError, match="MiDaSConfig has no field wide"):
        build_network("midas", {"wide": 3})
    folder = save_network("gp2", tiny("gp2"), tmp_path)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"features": 8}))
    with pytest.raises(CheckpointError, match="does not fit its config; shape of decoder"):
        load(folder)
    (folder / "config.json").write_text(json.dumps(config | {"colour": 1}))
    with pytest.raises(CheckpointError, match="bad config.json in .* no field colour"):
        load(folder)


def test_gp2_learns_wherever_its_log_depth_has_strayed():
    """A clamp at its bounds would have no gradient outside of them."""
    torch.manual_seed(0)
    model = build_network("gp2")
    with torch.no_grad():
        model.out.bias.fill_(12.0)
    images, depth = torch.rand(2, 3, 64, 64) * 2 - 1, torch.rand(2, 1, 64, 64) + 1
    assert model.log_depth(images).abs().max() <= 8
    loss, _ = model.loss(images, depth, torch.ones(2, 1, 64, 64, dtype=torch.bool))
    loss.backward()
    assert model.out.weight.grad.norm() > 1e-6
