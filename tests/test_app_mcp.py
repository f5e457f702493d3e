"""The endpoints as tools for agents: only with `gradio[mcp]`, described by their docstrings."""

import importlib.util
import json
import urllib.request

import pytest

from depthart.app.ui import build, launch_options


def test_only_where_mcp_is_installed(monkeypatch):
    real = importlib.util.find_spec
    for found in (None, object()):
        monkeypatch.setattr(
            importlib.util,
            "find_spec",
            lambda name, *a, f=found: f if name == "mcp" else real(name, *a),
        )
        assert launch_options()["mcp_server"] is (found is not None)


def test_tools_have_typed_descriptions(tiny_predictor):
    pytest.importorskip("mcp")
    demo = build("tiny-random", tiny_predictor)
    options = {"prevent_thread_lock": True, "quiet": True, "ssr_mode": False}
    url = demo.launch(**launch_options(), **options)[1]
    try:
        with urllib.request.urlopen(f"{url}gradio_api/mcp/schema", timeout=60) as answer:
            listed = json.load(answer)
    finally:
        demo.close()
    ends = ("predict", "refine", "compare_models")  # before them stands the app's name
    tools = {end: tool for tool in listed for end in ends if tool["name"].endswith(end)}
    assert len(listed) == len(tools) == 3
    assert "Depth of one photo" in tools["predict"]["description"]
    for tool in tools.values():
        assert "photo" in tool["inputSchema"]["properties"]["image"]["description"].lower()
    assert tools["predict"]["inputSchema"]["properties"]["seed"]["type"] in ("number", "integer")
