"""A Plotly figure in the page that is updated in place.

gr.Plot builds its plot anew for every value: the visitor's view is lost, and each time another
WebGL context is taken. This one gives the same plot new data, so `uirevision` keeps the view.
"""

from __future__ import annotations

from pathlib import Path

import gradio as gr

_ON_LOAD = """
const host = element.querySelector('.plot-host');
const draw = async () => {
  if (!props.value) return;
  const plotly = await window.depthartPlotly();
  const figure = JSON.parse(props.value);
  const options = {responsive: true, displaylogo: false, displayModeBar: false};
  await plotly.react(host, figure.data, figure.layout, options);
};
watch('value', draw);
draw();
"""
# Loaded once per page, when the browser has nothing else to do or at the first figure.
_HEAD = """<script>
window.depthartPlotly = () => window.depthartPlotlyPromise ??= new Promise((resolve, reject) => {
  const script = document.createElement('script');
  script.src = 'gradio_api/file=LIBRARY';
  script.onload = () => resolve(window.Plotly);
  script.onerror = () => reject(new Error('Plotly could not be loaded from ' + script.src));
  document.head.append(script);
});
window.addEventListener('load', () => {
  if (navigator.connection?.saveData) return;
  (window.requestIdleCallback ?? setTimeout)(() => window.depthartPlotly());
});
</script>"""


def head() -> str:
    """What the page's head needs; the address is relative, for proxies with a path of their own."""
    return _HEAD.replace("LIBRARY", str(plotly_script()))


def plotly_script() -> Path:
    """Plotly's JavaScript, as it comes with the Python package."""
    import plotly

    return Path(plotly.__file__).parent / "package_data" / "plotly.min.js"


def plot_view(label: str, elem_id: str) -> gr.HTML:
    """A component whose value is a figure as JSON text, or None."""
    return gr.HTML(
        None,
        html_template=f'<div class="plot-host" role="img" aria-label="{label}"></div>',
        js_on_load=_ON_LOAD,
        elem_id=elem_id,
        elem_classes="plain",
        apply_default_css=False,
    )
