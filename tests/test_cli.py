"""The command line, with a made-up predictor and with a tiny real one."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import ExifTags, Image

import depthart
from depthart import cli, export, sampling
from depthart.geometry import Intrinsics
from depthart.images import open_photo
from depthart.prediction import Prediction
from depthart.predictor import save_model
from tests.rooms import make_steps
from tests.test_images import bomb_png


class FakePredictor:
    """Depth grows to the right; remembers what it was asked."""

    name, stochastic = "made-up", True

    def __init__(self):
        self.model = SimpleNamespace(config=SimpleNamespace(default_sampler="expected"))
        self.asked = []

    def predict(self, image, sampler=None, fov_deg=None, ensemble=1, on_step=None):
        photo = open_photo(image)
        self.asked.append((image, sampler, fov_deg, ensemble))
        depth = np.tile(np.linspace(0.5, 1, photo.width, dtype=np.float32), (photo.height, 1))
        return Prediction(
            photo=photo,
            depth=depth,
            kind="scale_invariant",
            model="fake",
            intrinsics=Intrinsics.of_photo(photo, fov_deg),
            steps=make_steps(depth, photo.height, photo.width),
            seconds=0.5,
        )


@pytest.fixture
def fake(monkeypatch):
    """`depthart.load` gives a fake; `.loaded` says what was asked for."""
    predictor = FakePredictor()

    def load(name, device="auto"):
        predictor.loaded = (name, device)
        return predictor

    monkeypatch.setattr(depthart, "load", load, raising=False)
    return predictor


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.jpg"
    Image.new("RGB", (40, 30), "orange").save(path)
    return path


def names(folder):
    return sorted(path.name for path in Path(folder).iterdir())


# ---- help -----------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [[], ["predict"], ["models"], ["download"], ["info"], ["app"]])
def test_help_is_light(command):
    code = (
        "import sys\n"
        "from depthart.cli import main\n"
        "try: main([*sys.argv[1:], '--help'])\n"
        "except SystemExit as done: assert done.code == 0\n"
        "heavy = {'torch', 'numpy', 'PIL', 'gradio', 'huggingface_hub'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, *command], capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("usage: python -m depthart")


def test_module_runs():
    run = subprocess.run(
        [sys.executable, "-m", "depthart", "info", "nowhere"], capture_output=True, text=True
    )
    assert run.returncode == 1
    assert run.stderr.startswith("error: there is no checkpoint")


def test_names_repeated_for_speed_are_the_real_ones():
    assert cli.FORMATS == export.FORMATS
    assert set(cli.SAMPLERS) == set(sampling.get_args(sampling.Mode))


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["predict", "photo.jpg"],
        ["predict", "a.jpg", "-o", "out", "--format", "exr"],
        ["predict", "a.jpg", "-o", "out", "--format", ","],
        ["predict", "a.jpg", "-o", "out", "--fov", "200"],
        ["predict", "a.jpg", "-o", "out", "--fov", "wide"],
        ["predict", "a.jpg", "-o", "out", "--sampler", "beam"],
    ],
)
def test_usage_errors(arguments, capsys):
    with pytest.raises(SystemExit) as exit:
        cli.main(arguments)
    assert exit.value.code == 2
    assert "usage:" in capsys.readouterr().err


# ---- predict --------------------------------------------------------------------------------


def test_predict_writes_the_documented_files(fake, photo, tmp_path, capsys):
    assert cli.main(["predict", str(photo), "-o", str(tmp_path / "out"), "--scales"]) == 0
    expected = ["cloud.glb", "cloud.ply", "depth.json", "depth.npy", "depth.png"]
    expected += ["depth_color.png", "mesh.glb", "refinement.gif", "share.jpg"]
    expected += [f"scale_{number:02d}.png" for number in range(1, 11)]
    assert names(tmp_path / "out" / "photo") == sorted(expected)
    assert fake.loaded == ("depthart-small", "auto")
    assert fake.asked == [(photo, None, None, 1)]
    output = capsys.readouterr()
    assert "19 files" in output.out and output.err == ""


def test_predict_sharpens_if_asked(fake, photo, tmp_path):
    for flags in ([], ["--sharpen"]):
        out = tmp_path / str(bool(flags))
        assert cli.main(["predict", str(photo), "-o", str(out), "--format", "npy", *flags]) == 0
        about = json.loads((out / "photo" / "depth.json").read_text())
        assert about["sharpened"] is bool(flags)


def test_predict_passes_its_options_on(fake, photo, tmp_path):
    options = "--model m --device cpu --fov 70 --ensemble 3 --format npy,gif"
    options += " --sampler sample --seed 7 --draws 2 --temperature 0.5"
    assert cli.main(["predict", str(photo), "-o", str(tmp_path / "o"), *options.split()]) == 0
    assert fake.loaded == ("m", "cpu")
    ((_, sampler, fov, ensemble),) = fake.asked
    assert sampler == depthart.Sampler(mode="sample", seed=7, draws=2, temperature=0.5)
    assert (fov, ensemble) == (70, 3)
    assert names(tmp_path / "o" / "photo") == ["depth.json", "depth.npy", "refinement.gif"]
    about = json.loads((tmp_path / "o" / "photo" / "depth.json").read_text())
    assert about["camera"]["fov_deg"] == pytest.approx(70)


def test_tuning_alone_keeps_the_checkpoints_sampler(fake, photo, tmp_path, capsys):
    command = ["predict", str(photo), "-o", str(tmp_path / "o"), "--format", "npy"]
    assert cli.main([*command, "--temperature", "0.5", "--seed", "3"]) == 0
    assert fake.asked[0][1] == depthart.Sampler(mode="expected", temperature=0.5, seed=3)
    assert "note: --seed has no effect on the sampler 'expected'" in capsys.readouterr().err


def test_folder_with_a_bad_file(fake, photo, tmp_path, capsys):
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("a.jpg", "b.PNG"):
        Image.new("RGB", (20, 20)).save(folder / name)
    (folder / "bad.jpg").write_text("not a picture")
    (folder / "notes.txt").write_text("left alone")
    code = cli.main(["predict", str(folder), "-o", str(tmp_path / "out"), "--format", "npy"])
    assert code == 1
    assert names(tmp_path / "out") == ["a", "b"]
    error = capsys.readouterr().err
    assert "skipped" in error and "bad.jpg is not an image" in error
    assert "1 of 3 images failed" in error
    assert "photo" in error and "3/3" in error  # the progress bar


def test_glob_and_repeats(fake, photo, tmp_path):
    (tmp_path / "odd[1].jpg").write_bytes(photo.read_bytes())
    found = cli.find_images([str(tmp_path / "*.jpg"), str(photo), str(tmp_path / "odd[1].jpg")])
    assert [path.name for path in found] == ["odd[1].jpg", "photo.jpg"]
    for pattern, message in (("*.webp", "nothing matches"), ("empty", "no pictures in")):
        (tmp_path / "empty").mkdir(exist_ok=True)
        with pytest.raises(ValueError, match=message):
            cli.find_images([str(tmp_path / pattern)])


def test_same_names_do_not_overwrite_each_other(fake, photo, tmp_path):
    images = [photo]
    for name in ("photo.png", "sub/photo.jpg", "PHOTO.bmp", "photo_2.jpg"):
        images.append(tmp_path / name)
        images[-1].parent.mkdir(exist_ok=True)
        Image.new("RGB", (20, 20)).save(images[-1])
    out = tmp_path / "out"
    assert cli.main(["predict", *map(str, images), "-o", str(out), "--format", "npy"]) == 0
    assert names(out) == ["PHOTO_4", "photo", "photo_2", "photo_2_2", "photo_3"]
    assert np.load(out / "photo" / "depth.npy").shape == (30, 40)
    assert np.load(out / "photo_2" / "depth.npy").shape == (20, 20)


def test_results_are_replaced_only_on_request(fake, photo, tmp_path, capsys):
    command = ["predict", str(photo), "-o", str(tmp_path / "out"), "--format", "npy"]
    assert cli.main(command) == 0
    mark = tmp_path / "out" / "photo" / "depth.npy"
    mark.write_bytes(b"mine")
    assert cli.main(command) == 1
    assert "exists already; --overwrite" in capsys.readouterr().err
    assert mark.read_bytes() == b"mine"
    assert cli.main([*command, "--overwrite"]) == 0
    assert np.load(mark).shape == (30, 40)


def save_array_as(path, array):
    Image.fromarray(array).save(path)
    return path


def truncated(path):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:2000])
    return path


def text(path):
    path.write_text("hello")
    return path


@pytest.mark.parametrize(
    ("name", "make", "message"),
    [
        ("text.jpg", text, "not an image"),
        ("half.jpg", truncated, "truncated or damaged"),
        ("dot.png", lambda p: save_array_as(p, np.zeros((1, 1), np.uint8)), "at least 16"),
        ("huge.png", bomb_png, "more than 120 million pixels"),
        ("nan.tif", lambda p: save_array_as(p, np.full((20, 20), np.nan, np.float32)), "NaN"),
        ("missing.jpg", lambda p: p, "no such file"),
    ],
)
def test_bad_input(fake, tmp_path, capsys, name, make, message):
    bad = make(tmp_path / name)
    assert cli.main(["predict", str(bad), "-o", str(tmp_path / "out")]) == 1
    error = capsys.readouterr().err
    assert message in error and name in error and "Traceback" not in error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("mode", ["L", "RGBA", "I;16", "CMYK", "P", "LA"])
def test_odd_but_good_input(fake, tmp_path, mode):
    path = tmp_path / f"photo.{'tif' if mode == 'CMYK' else 'png'}"
    image = Image.new("L", (20, 20), 99)
    if mode == "I;16":
        image = Image.fromarray(np.full((20, 20), 40_000, np.uint16))
    else:
        image = image.convert("RGB").convert(mode)
    assert image.mode == mode
    image.save(path)
    assert cli.main(["predict", str(path), "-o", str(tmp_path / "o"), "--format", "npy"]) == 0
    assert np.load(tmp_path / "o" / "photo" / "depth.npy").shape == (20, 20)


def test_interruption_is_quiet(fake, photo, tmp_path, capsys, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(fake, "predict", interrupted)
    assert cli.main(["predict", str(photo), "-o", str(tmp_path / "out")]) == 130
    assert capsys.readouterr().err.strip().endswith("interrupted")


def test_unknown_model_and_bad_checkpoint(photo, tmp_path, capsys):
    for model, message in (("no-such-model", "unknown model"), (str(tmp_path), "config.json")):
        command = ["predict", str(photo), "-o", str(tmp_path / "out"), "--model", model]
        assert cli.main(command) == 1
        error = capsys.readouterr().err
        assert error.startswith("error:") and message in error


def test_real_model_on_a_turned_photo(tiny_model, tmp_path, capsys):
    checkpoint = tmp_path / "tiny"
    save_model(tiny_model, checkpoint)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.FocalLengthIn35mmFilm] = 26
    Image.new("RGB", (120, 90), "teal").save(tmp_path / "phone.jpg", exif=exif)
    command = ["predict", str(tmp_path / "phone.jpg"), "-o", str(tmp_path / "out")]
    assert cli.main([*command, "--model", str(checkpoint), "--scales", "--format", "all"]) == 0
    folder = tmp_path / "out" / "phone"
    assert len(names(folder)) == 20
    assert np.load(folder / "depth.npy").shape == (120, 90)
    about = json.loads((folder / "depth.json").read_text())
    assert (about["width"], about["height"], about["model"]) == (90, 120, "tiny")
    assert about["camera"]["fov_deg"] == pytest.approx(53.06, abs=0.01)
    assert len(about["scales"]) == 10
