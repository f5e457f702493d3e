"""Publishing as a Space: what is uploaded, in which order, against a hub that is not one."""

import sys
import types

import pytest

from depthart import cli, space
from depthart.app.models import on_gpu


class FakeHub:
    """Remembers what it is asked."""

    def __init__(self, error=None):
        self.calls, self.error = [], error

    def __getattr__(self, name):
        def call(**options):
            self.calls.append((name, options))
            if self.error and name == "upload_folder":
                raise self.error
            return f"https://huggingface.co/spaces/{options['repo_id']}"

        return call


@pytest.fixture
def clone(tmp_path):
    """A small repository with things that must not leave the machine."""
    files = {
        "README.md": "---\ntitle: T\nsdk: gradio\n---\n# T\n",
        **dict.fromkeys(["app.py", "requirements.txt", "LICENSE"], "x"),
        "depthart/model.py": "x",
        "depthart/__pycache__/model.cpython-311.pyc": "x",
        "assets/examples/truth/a.png": "x",
        "checkpoints/depthart-small/model.safetensors": "x" * 2000,
        "checkpoints/depthart-small/results.jsonl": "x",
        "checkpoints/depthart-paper/model.safetensors": "x" * 9000,
        ".env": "SECRET=1",
        ".venv/lib/site.py": "x",
        "runs/a/model.safetensors": "x",
        "data/photo.jpg": "x",
        "tests/test_a.py": "x",
    }
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return tmp_path


def test_only_the_app_leaves_the_machine(clone):
    chosen = space.plan("me/depthart", clone)
    assert sorted(chosen.files) == [
        *("LICENSE", "README.md", "app.py", "assets/examples/truth/a.png"),
        *("checkpoints/depthart-small/model.safetensors", "depthart/model.py"),
        "requirements.txt",
    ]
    assert chosen.files["checkpoints/depthart-small/model.safetensors"] == 2000
    assert "me/depthart on zero-a10g: 7 files" in str(chosen)


def test_deploy_asks_the_hub_in_order(clone):
    hub, said = FakeHub(), []
    chosen = space.plan("me/depthart", clone, "cpu-basic")
    assert space.deploy(chosen, True, hub, said.append).endswith("/me/depthart")
    create, attributes, upload, card = hub.calls
    assert create[0] == "create_repo" and create[1]["space_sdk"] == "gradio"
    assert create[1]["space_hardware"] == "cpu-basic" and create[1]["private"]
    assert attributes[1]["path_in_repo"] == ".gitattributes"
    assert b"*.safetensors filter=lfs" in attributes[1]["path_or_fileobj"]
    assert upload[0] == "upload_folder" and upload[1]["folder_path"] == clone
    assert all(options["repo_type"] == "space" for _, options in hub.calls)
    assert ".gitattributes" not in upload[1]["allow_patterns"]
    assert "7 files" in said[0]
    assert card[1]["path_in_repo"] == "README.md" and b"thumbnail" not in card[1]["path_or_fileobj"]


def test_the_card_shows_the_thumbnail(clone):
    import yaml

    (clone / space.THUMBNAIL).write_bytes(b"picture")
    hub = FakeHub()
    space.deploy(space.plan("me/depthart", clone), False, hub, lambda _: None)
    card = hub.calls[-1][1]["path_or_fileobj"].decode()
    front = yaml.safe_load(card.split("---\n")[1])
    assert front["sdk"] == "gradio"
    assert front["thumbnail"].endswith("/me/depthart/resolve/main/assets/thumbnail.jpg")


def test_the_plan_is_what_the_hub_would_take(clone):
    """Same patterns, same filter: what is announced is what is sent."""
    from huggingface_hub.utils import filter_repo_objects

    hub = FakeHub()
    chosen = space.plan("me/depthart", clone)
    space.deploy(chosen, False, hub, lambda _: None)
    options = hub.calls[2][1]
    names = [p.relative_to(clone).as_posix() for p in clone.rglob("*") if p.is_file()]
    taken = filter_repo_objects(
        names,
        allow_patterns=options["allow_patterns"],
        ignore_patterns=options["ignore_patterns"],
    )
    assert {*taken, "README.md"} == set(chosen.files)


def test_a_refusal_is_told(clone):
    chosen = space.plan("me/depthart", clone)
    with pytest.raises(ConnectionError, match="was not published: 402 a paid plan"):
        space.deploy(chosen, False, FakeHub(RuntimeError("402 a paid plan")), lambda _: None)


@pytest.mark.parametrize(
    ("damage", "error", "message"),
    [
        ("app.py", FileNotFoundError, "deploy from a clone"),
        ("checkpoints/depthart-small/model.safetensors", FileNotFoundError, "no weights"),
    ],
)
def test_an_incomplete_clone_is_refused(clone, damage, error, message):
    (clone / damage).unlink()
    with pytest.raises(error, match=message):
        space.plan("me/depthart", clone)


def test_front_matter_is_needed(clone):
    (clone / "README.md").write_text("# T\n")
    with pytest.raises(ValueError, match="front matter"):
        space.plan("me/depthart", clone)


def test_without_a_token(clone, monkeypatch):
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub, "get_token", lambda: None)
    with pytest.raises(ValueError, match="set HF_TOKEN"):
        space.deploy(space.plan("me/depthart", clone), say=lambda _: None)


def test_command(capsys, monkeypatch):
    assert cli.main(["deploy-space", "me/depthart", "--dry-run"]) == 0
    output = capsys.readouterr().out
    assert "Space me/depthart on zero-a10g" in output and "nothing was uploaded" in output
    assert cli.main(["deploy-space", "depthart", "--dry-run"]) == 1
    assert "USER/NAME" in capsys.readouterr().err
    asked = []
    monkeypatch.setattr(space, "deploy", lambda *a: asked.append(a) or "https://there")
    assert cli.main(["deploy-space", "me/x", "--private", "--hardware", "cpu-basic"]) == 0
    assert asked[0][0].hardware == "cpu-basic" and asked[0][1] is True
    assert "https://there is being built" in capsys.readouterr().out


def test_a_gpu_is_borrowed_on_zerogpu_only(monkeypatch):
    def function():
        yield 1

    monkeypatch.setitem(sys.modules, "spaces", None)  # as where it is not installed
    assert on_gpu(function) is function
    asked = []

    def gpu(**options):
        return lambda f: asked.append(options) or (lambda: list(f()))

    monkeypatch.setitem(sys.modules, "spaces", types.SimpleNamespace(GPU=gpu))
    assert on_gpu(function)() == [1]
    assert asked[0]["duration"] <= 15  # the daily quota of guests is two minutes
