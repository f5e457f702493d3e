"""Entry point of the web app, here and on a Hugging Face Space: `python app.py`."""

import os

# Before torch loads OpenMP: idle threads that spin slow a busy machine down up to 30 times.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from depthart.app.ui import build, launch_options  # noqa: E402

demo = build()

if __name__ == "__main__":
    demo.launch(**launch_options())
