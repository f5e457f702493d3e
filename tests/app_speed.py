"""How fast the app feels, measured in headless Chromium: `python -m tests.app_speed [--output F]`.

Times are taken inside the page, from the visitor's click to the picture that has been painted. The
goals are those of two quiet cores with the bundled model; the load is reported with the times.
`tests/results/app_speed.json` is such a report: a cloud begins with some of its points, all of them
follow (`cloud_complete`).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from tests.browser import ARGUMENTS, CHROMIUM

ROOT = Path(__file__).resolve().parents[1]
GOALS_S = {"first_scale": 0.7, "ten_scales": 3.0, "slider": 0.3, "cloud": 1.0}

# Notes when the depth map of a new scale has been painted, and when the cloud has.
WATCH = """() => {
  window.painted = [];
  const note = name => requestAnimationFrame(() => requestAnimationFrame(() =>
    painted.push([name, performance.now() / 1000])));
  document.addEventListener('load', event => {
    const image = event.target;
    if (image !== document.querySelector('#results .map img')) return;
    note('any scale');
    note('Scale ' + Number(image.src.match(/scale_(\\d+)/)?.[1]));  // as its file's name says
  }, true);
  let points = 0;
  setInterval(() => {
    const host = document.querySelector('#cloud .plot-host');  // made when its tab is opened
    const now = host?.querySelector('canvas') ? host._fullData?.[0]?.x?.length ?? 0 : 0;
    if (now > 1 && now !== points) { points = now; note('cloud'); }
  }, 15);
}"""


def wait_painted(page: Page, name: str, since: float) -> float:
    """Seconds from `since`, in the page's clock, until something was first painted."""
    handle = page.wait_for_function(
        "([n, s]) => painted.find(p => p[0] === n && p[1] > s)?.[1]", arg=[name, since]
    )
    return handle.json_value() - since


def click_time(page: Page, script: str) -> float:
    """Do something in the page; returns the moment before."""
    return page.evaluate(f"() => {{ const t = performance.now() / 1000; {script}; return t; }}")


def visit(page: Page, url: str, photo: Path) -> dict[str, float]:
    """One visitor: first paint, ten scales, stepping back, the 3D tab, all chosen models."""
    started = time.perf_counter()
    page.goto(url)
    page.wait_for_selector("#photo input[type=file]", state="attached")
    times = {"page": time.perf_counter() - started}
    page.set_input_files("#photo input[type=file]", str(photo))
    page.wait_for_selector("#photo img")
    page.wait_for_timeout(1500)  # the visitor looks for the button; Plotly is fetched meanwhile
    page.evaluate(WATCH)
    run = "[...document.querySelectorAll('button')].find(b => b.innerText === 'Estimate depth')"
    since = click_time(page, f"{run}.click()")
    times["first_scale"] = wait_painted(page, "any scale", since)  # a slow page skips some
    times["ten_scales"] = wait_painted(page, "Scale 10", since)
    page.wait_for_function("/10 scales in/.test(document.querySelector('#status').innerText)")
    page.wait_for_timeout(500)
    slides = []
    for scale in (7, 3, 9):
        since = click_time(
            page,
            "const s = document.querySelector('#scale input[type=range]');"
            f" s.value = {scale}; s.dispatchEvent(new Event('input', {{bubbles: true}}))",
        )
        slides.append(wait_painted(page, f"Scale {scale}", since))
    times["slider"] = statistics.median(slides)
    page.wait_for_timeout(500)
    tab = "[...document.querySelectorAll('button[role=tab]')].find(b => b.innerText === '3D')"
    since = click_time(page, f"{tab}.click()")
    times["cloud"] = wait_painted(page, "cloud", since)
    page.wait_for_timeout(3000)
    last = page.evaluate("painted.filter(p => p[0] === 'cloud').at(-1)[1]")
    times["cloud_complete"] = last - since
    page.get_by_role("tab", name="Compare", exact=True).click()
    page.wait_for_function("document.querySelector('.card img')")
    compare = "document.querySelector('#compare-bar button')"
    since = click_time(page, f"{compare}.click()")  # the first visitor waits for their loading, too
    answered = "document.querySelector('#compare-status').innerText"
    page.wait_for_function(f"/(\\d+) of \\1 models/.test({answered})")
    times["compare"] = click_time(page, "") - since
    return times


def measure(photo: Path, repeats: int) -> dict[str, Any]:
    """Start the app as a visitor's host would, and visit it; every visit opens a fresh browser."""
    port, folder = _free_port(), tempfile.TemporaryDirectory()
    # By another name: the app remembers its own examples.
    photo = Path(shutil.copy(photo, Path(folder.name) / f"visitor{photo.suffix}"))
    environment = {**os.environ, "GRADIO_SERVER_PORT": str(port), "GRADIO_ANALYTICS_ENABLED": "0"}
    load = os.getloadavg()[0]
    started = time.perf_counter()
    server = subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env=environment)
    try:
        _wait_for(port, server)
        report: dict[str, Any] = {"start_s": time.perf_counter() - started}
        visits = []
        with sync_playwright() as playwright:
            for _ in range(repeats):
                browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
                page = browser.new_page(viewport={"width": 1440, "height": 900})
                page.set_default_timeout(120_000)
                visits.append(visit(page, f"http://127.0.0.1:{port}", photo))
                browser.close()
        report["seconds"] = {
            name: statistics.median(times[name] for times in visits) for name in visits[0]
        }
        report["visits"] = visits
        report["server_peak_mb"] = _peak_memory_mb(server.pid)
    finally:
        server.terminate()
        server.wait()
    seconds = report["seconds"]
    report["missed"] = [name for name, goal in GOALS_S.items() if seconds[name] > goal]
    report["machine"] = {
        "cores": len(os.sched_getaffinity(0)),
        "load_before": load,
        "load_after": os.getloadavg()[0],
        "threads": environment.get("OMP_NUM_THREADS", "all"),
        "python": platform.python_version(),
    }
    return report


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait_for(port: int, server: subprocess.Popen) -> None:
    while server.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError(f"the app did not start (exit code {server.returncode})")


def _peak_memory_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photo", type=Path, default=ROOT / "assets/examples/corridor.jpg")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--output", type=Path, help="also write the report there, as JSON")
    options = parser.parse_args()
    report = json.dumps(measure(options.photo, options.repeats), indent=2)
    print(report)
    if options.output:
        options.output.write_text(report + "\n")


if __name__ == "__main__":
    main()
