"""A Plotly figure in the page that is updated in place.

gr.Plot builds its plot anew for every value: the visitor's view is lost, and each time another
WebGL context is taken. This one gives the same plot new data, so `uirevision` keeps the view.
"""

from __future__ import annotations

from pathlib import Path

import gradio as gr

_ON_LOAD = """
const given = element.querySelector('.plot-host');
const host = window.depthartSpare ?? given;
if (host !== given) {
  window.depthartSpare = null;
  for (const {name, value} of given.attributes) {
    if (name !== 'class') host.setAttribute(name, value);
  }
  host.classList.add('plot-host');
  given.replaceWith(host);
  window.depthartHolder.remove();
}
const options = {responsive: true, displaylogo: false, displayModeBar: false};
let work = Promise.resolve(), drawn = null;  // one after the other
const TYPES = {f4: Float32Array, f8: Float64Array, u1: Uint8Array};
const unpack = ({bdata, dtype}) =>
  new TYPES[dtype](Uint8Array.from(atob(bdata), (letter) => letter.charCodeAt(0)).buffer);
const painted = () => new Promise((done) =>
  requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 100))));
// Some of the points at once, the others when these have been painted: without a graphics card
// all of them take seconds.
const FIRST = 8000;
const draw = async () => {
  const value = props.value;
  if (!value || value === drawn) return;
  const plotly = await window.depthartPlotly();
  const figure = JSON.parse(value), trace = figure.data[0], {marker} = trace;
  // The same object as before: a 3D scene notes its visitor's turns in the first one it got.
  const before = host.layout ?? {}, seen = host._fullLayout?.scene?.camera;
  if (seen && before.uirevision === figure.layout.uirevision) {
    figure.layout.scene.camera = structuredClone(seen);  // turned by keys, too
  }
  const layout = Object.assign(before, figure.layout);
  const [x, y, z, color] = [trace.x, trace.y, trace.z, marker.color].map(unpack);
  const show = (step) => {
    const some = (all) => step === 1 ? all : all.filter((_, k) => k % step === 0);
    const points = {x: some(x), y: some(y), z: some(z)};
    const dots = {...marker, color: some(color)};
    return plotly.react(host, [{...trace, ...points, marker: dots}], layout, options);
  };
  drawn = value;
  const step = Math.ceil(x.length / FIRST);
  await show(step);
  if (step === 1) return;
  await painted();
  if (props.value === value) await show(1);
};
const next = (job) => { work = work.then(job).catch((error) => console.error(error)); };
watch('value', () => next(draw));
next(draw);
"""
_HINT = ". Arrow keys turn it, plus and minus come nearer and go farther."
# One plot per entry of the value; turning one turns all. Their number follows the value.
_LINKED_ON_LOAD = """
const grid = element.querySelector('.plot-grid');
const options = {responsive: true, displaylogo: false, displayModeBar: false};
const hosts = () => [...grid.querySelectorAll('.plot-host')];
// Only the plot in the visitor's hand leads: the others report their own turning, too.
let leader = null, wanted = null, busy = false;
const turnOthers = async () => {
  if (busy) return;
  busy = true;
  const plotly = await window.depthartPlotly();
  while (wanted) {
    const camera = wanted;
    wanted = null;
    for (const host of hosts()) {
      if (host !== leader) await plotly.relayout(host, {'scene.camera': structuredClone(camera)});
    }
  }
  busy = false;
};
const follow = (host) => (event) => {
  if (host !== leader || !event?.['scene.camera']) return;
  wanted = event['scene.camera'];
  turnOthers();
};
const draw = async () => {
  const clouds = JSON.parse(props.value || '[]');
  const plotly = clouds.length ? await window.depthartPlotly() : null;
  while (grid.children.length > clouds.length) {
    window.Plotly?.purge(grid.lastChild.querySelector('.plot-host'));
    grid.lastChild.remove();
  }
  while (grid.children.length < clouds.length) {
    const figure = document.createElement('figure');
    figure.append(document.createElement('figcaption'), document.createElement('div'));
    figure.lastChild.className = 'plot-host';
    figure.lastChild.setAttribute('role', 'application');
    figure.lastChild.tabIndex = 0;
    grid.append(figure);
  }
  for (const [index, {title, figure}] of clouds.entries()) {
    const host = hosts()[index], fresh = !host._fullLayout;
    host.previousSibling.textContent = title;
    host.setAttribute('aria-label', 'Point cloud: ' + title + HINT);
    const camera = hosts()[0]._fullLayout?.scene?.camera;
    if (fresh && index && camera) figure.layout.scene.camera = structuredClone(camera);
    await plotly.react(host, figure.data, figure.layout, options);
    if (!fresh) continue;
    for (const name of ['pointerdown', 'wheel', 'touchstart', 'lead']) {
      host.addEventListener(name, () => { leader = host; }, {capture: true, passive: true});
    }
    for (const name of ['plotly_relayouting', 'plotly_relayout']) host.on(name, follow(host));
  }
};
watch('value', draw);
draw();
"""
# Loaded once per page, when the browser has nothing else to do or at the first figure.
_HEAD = """<script>
(() => {
window.depthartPlotly = () => window.depthartPlotlyPromise ??= new Promise((resolve, reject) => {
  const script = document.createElement('script');
  script.src = 'gradio_api/file=LIBRARY';
  script.onload = () => resolve(window.Plotly);
  script.onerror = () => reject(new Error('Plotly could not be loaded from ' + script.src));
  document.head.append(script);
});
(document.readyState === 'complete' ? Promise.resolve()
  : new Promise((resolve) => window.addEventListener('load', resolve))).then(() => {
  if (navigator.connection?.saveData) return;
  (window.requestIdleCallback ?? setTimeout)(() => window.depthartPlotly());
});
// WebGL takes seconds to get ready, and a tab is in the page once it is opened. So when there is a
// result and the browser has nothing else to do, a plot of one hidden point is made out of sight;
// the first view takes it over.
const prepare = async () => {
  const plotly = await window.depthartPlotly();
  if (document.querySelector('.plot-host')) return;
  const holder = window.depthartHolder = document.createElement('div');
  const host = document.createElement('div');
  holder.setAttribute('aria-hidden', 'true');
  holder.style.cssText = 'position:absolute;left:-9999px;top:0;width:550px;height:520px';
  holder.append(host);
  document.body.append(holder);
  const data = [{type: 'scatter3d', x: [0], y: [0], z: [0], opacity: 0, hoverinfo: 'skip'}];
  const hidden = {visible: false};
  const scene = {xaxis: hidden, yaxis: hidden, zaxis: hidden};
  const layout = {margin: {l: 0, r: 0, t: 0, b: 0}, paper_bgcolor: 'rgba(0,0,0,0)', scene};
  host.style.height = '100%';
  const options = {responsive: true, displaylogo: false, displayModeBar: false};  // the view's, too
  await plotly.newPlot(host, data, layout, options);
  host.style.height = '';
  window.depthartSpare = host;
};
const waiting = setInterval(() => {
  if (!document.querySelector('#status :is(.done, .stopped)')) return;
  clearInterval(waiting);
  if (!navigator.connection?.saveData) (window.requestIdleCallback ?? setTimeout)(prepare);
}, 200);
})();
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
        html_template='<div class="plot-host" tabindex="0" role="application"'
        f' aria-label="{label}{_HINT}"></div>',
        js_on_load=_ON_LOAD,
        elem_id=elem_id,
        elem_classes="plain",
        apply_default_css=False,
    )


def linked_plots(elem_id: str) -> gr.HTML:
    """A component whose value is JSON text: a list of {"title", "figure"}, turned together."""
    return gr.HTML(
        None,
        html_template='<div class="plot-grid"></div>',
        js_on_load=_LINKED_ON_LOAD.replace("HINT", repr(_HINT)),
        elem_id=elem_id,
        elem_classes="plain",
        apply_default_css=False,
    )
