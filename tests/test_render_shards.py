"""Shards on disk: written whole, resumed, read back; and the renderer's command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from train.data.rendered import RenderedScenes
from train.render import RENDERER_VERSION, render_batch
from train.render.__main__ import main
from train.render.assets import Assets
from train.render.shards import Plan, write_shards

PARTS = {"image", "depth", "normal", "plane", "intrinsics"}


def files(folder) -> dict[str, int]:
    """Every file below a folder with the time of its last change."""
    return {str(p.relative_to(folder)): p.stat().st_mtime_ns for p in folder.rglob("*.*")}


def test_shards_hold_what_was_rendered(tmp_path):
    plan = Plan(tmp_path / "rooms", count=5, first_seed=40, size=32, shard=3, batch=2)
    counted = []
    assert write_shards(plan, on_progress=counted.append) == 5
    assert counted == [2, 1, 2]
    shards = sorted((tmp_path / "rooms").iterdir())
    assert [s.name for s in shards] == ["shard_000000", "shard_000001"]
    assert {p.name for p in shards[0].iterdir()} == {f"{n}.npy" for n in PARTS} | {"meta.json"}
    assert json.loads((shards[1] / "meta.json").read_text()) == {
        "seeds": [43, 44],
        "renderer_version": RENDERER_VERSION,
        "photos": False,
        "meshes": False,
        "environments": False,
    }
    arrays = {name: np.load(shards[0] / f"{name}.npy") for name in PARTS}
    assert {name: (a.shape, str(a.dtype)) for name, a in arrays.items()} == {
        "image": ((3, 32, 32, 3), "uint8"),
        "depth": ((3, 32, 32), "float16"),
        "normal": ((3, 32, 32, 3), "int8"),
        "plane": ((3, 32, 32), "uint8"),
        "intrinsics": ((3, 4), "float32"),
    }
    length = np.linalg.norm(arrays["normal"].astype(float), axis=3)
    assert np.abs(length[length > 0] - 127).max() < 1.5

    scenes = RenderedScenes(tmp_path / "rooms")
    assert len(scenes) == 5
    truth = render_batch([43], 32)
    sample = scenes[3]
    assert sample.dataset == "rooms" and sample.image.shape == (32, 32, 3)
    np.testing.assert_allclose(sample.depth, truth.depth_m[0], rtol=1e-3)
    np.testing.assert_array_equal(sample.intrinsics, truth.intrinsics[0])
    assert (sample.plane != truth.plane_id[0].numpy()).mean() < 0.001
    assert np.abs(sample.image - truth.image[0].permute(1, 2, 0).numpy().astype(int)).mean() < 0.1
    with pytest.raises(IndexError):
        scenes[5]


def test_a_stopped_run_goes_on(tmp_path):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    write_shards(Plan(whole, count=5, size=32, shard=2, batch=1))

    def stop(_):
        stop.seen += 1
        if stop.seen == 4:
            raise KeyboardInterrupt

    stop.seen = 0
    plan = Plan(broken, count=5, size=32, shard=2, batch=1)
    with pytest.raises(KeyboardInterrupt):
        write_shards(plan, on_progress=stop)
    before = files(broken)
    assert {name.split("/")[0] for name in before} == {"shard_000000"}, "no half shard"
    assert len(RenderedScenes(broken)) == 2
    # what a killed writer may leave behind: a folder under construction, a shard without meta.json
    for leftover in (".unfinished_shard_000001", "shard_000001"):
        (broken / leftover).mkdir()
        (broken / leftover / "image.npy").write_bytes(b"half")
    assert write_shards(plan) == 3
    after = files(broken)
    assert {name: after[name] for name in before} == before, "finished shards are left alone"
    assert after.keys() == files(whole).keys()
    for name in files(whole):
        assert (whole / name).read_bytes() == (broken / name).read_bytes(), name
    assert write_shards(plan) == 0
    assert files(broken) == after


def test_a_larger_count_completes_the_last_shard(tmp_path):
    write_shards(Plan(tmp_path, count=3, size=32, shard=2))
    first = files(tmp_path)
    assert write_shards(Plan(tmp_path, count=4, size=32, shard=2)) == 2
    assert len(RenderedScenes(tmp_path)) == 4
    assert files(tmp_path)["shard_000000/image.npy"] == first["shard_000000/image.npy"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"size": 40}, "size 32 instead of 40"),
        ({"first_seed": 7}, r"seeds \[0, 1\] instead of \[7, 8\]"),
        ({"shard": 1}, r"seeds \[0, 1\] instead of \[0, 0\]"),
        ({"assets": Assets(photos=Path("somewhere"))}, "photos False instead of True"),
    ],
)
def test_shards_of_other_settings_are_not_mixed(tmp_path, change, message):
    settings = {"count": 2, "size": 32, "shard": 2}
    write_shards(Plan(tmp_path, **settings))
    before = files(tmp_path)
    with pytest.raises(ValueError, match=f"made with other settings .*{message}"):
        write_shards(Plan(tmp_path, **settings | change))
    assert files(tmp_path) == before


@pytest.mark.slow
def test_worker_processes_give_the_same(tmp_path):
    threads = torch.get_num_threads()
    settings = {"count": 2, "size": 32, "shard": 2, "batch": 1}
    write_shards(Plan(tmp_path / "one", **settings), workers=1)
    assert torch.get_num_threads() == threads
    write_shards(Plan(tmp_path / "two", **settings), workers=2)
    for name in files(tmp_path / "one"):
        one, two = ((tmp_path / side / name).read_bytes() for side in ("one", "two"))
        assert one == two, name


def test_command_writes_shards_with_photos(tmp_path, capsys):
    photos = tmp_path / "photos"
    photos.mkdir()
    pixels = np.random.default_rng(0).integers(0, 255, (40, 60, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(photos / "noise.png")
    (photos / "notes.txt").write_text("not a photo")
    out = tmp_path / "out"
    arguments = f"-o {out} --count 2 --first-seed 9 --size 32 --shard 2 --batch 2".split()
    assert main([*arguments, "--photos", str(photos)]) == 0
    assert "2/2" in capsys.readouterr().err, "a progress bar"
    meta = json.loads((out / "shard_000000" / "meta.json").read_text())
    assert meta["photos"] is True and meta["seeds"] == [9, 10]
    with_photo = np.load(out / "shard_000000" / "image.npy").astype(int)
    without = render_batch([9, 10], 32)
    assert np.abs(with_photo - without.image.permute(0, 2, 3, 1).numpy()).mean() > 0.1
    depth = np.load(out / "shard_000000" / "depth.npy")
    np.testing.assert_allclose(depth, without.depth_m, rtol=1e-3)
    assert main([*arguments, "--photos", str(photos)]) == 0
    assert main(arguments) == 2
    assert "photos True instead of False" in capsys.readouterr().err


def test_contact_sheet(tmp_path):
    sheet = tmp_path / "new" / "sheet.png"
    assert main(["--sheet", str(sheet), "--count", "5", "--size", "32"]) == 0
    with Image.open(sheet) as image:
        assert image.size == (4 * 36 - 4, 2 * 68 - 4)
        pixels = np.asarray(image)
    rgb = render_batch([0], 32).image[0].permute(1, 2, 0).numpy()
    np.testing.assert_array_equal(pixels[20:32, :32], rgb[20:])  # below the number
    assert (pixels[68:132, 2 * 36 :] == 255).all(), "there are only five"
    assert [p.name for p in sheet.parent.iterdir()] == ["sheet.png"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("", "-o FOLDER"),
        ("-o {}/a --sheet {}/b.png", "either"),
        ("-o {}/a --count 0", "count must be at least 1, got 0"),
        ("-o {}/a --shard 0", "shard must be at least 1, got 0"),
        ("-o {}/a --batch -1", "batch must be at least 1, got -1"),
        ("-o {}/a --workers 0", "workers must be at least 1, got 0"),
        ("-o {}/a --first-seed -5", "must not be negative, got -5"),
        ("-o {}/a --size 100", "multiple of 8 pixels, got 100"),
        ("-o {}/a --photos {}/nowhere", "no folder of photos at"),
        ("-o {}/a --photos {}", "holds no .jpg, .png or .webp photo"),
        ("-o {}/file.txt", "is a file"),
        ("-o {}/a --device abacus", "no device 'abacus' here"),
        ("--sheet {}/b.tiff", "a contact sheet is a .png"),
    ],
)
def test_bad_arguments(tmp_path, capsys, arguments, message):
    (tmp_path / "file.txt").write_text("something")
    assert main(arguments.replace("{}", str(tmp_path)).split()) == 2
    error = capsys.readouterr().err
    assert message in error and "Traceback" not in error
    assert [p.name for p in tmp_path.iterdir()] == ["file.txt"], "nothing was written"
