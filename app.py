"""Entry point of the web app, here and on a Hugging Face Space: `python app.py`."""

from depthart.app.ui import build, launch_options

demo = build()

if __name__ == "__main__":
    demo.launch(**launch_options())
