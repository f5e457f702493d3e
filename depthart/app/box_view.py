"""A picture on which a rectangle is dragged, clicked corner by corner, or moved by keys."""

from __future__ import annotations

import gradio as gr

_TEMPLATE = """<div class="frame" tabindex="0" role="application" aria-label="LABEL">
<img alt="ALT" draggable="false"><svg viewBox="0 0 100 100" preserveAspectRatio="none"
 aria-hidden="true"></svg></div>"""
_ON_LOAD = """
const frame = element.querySelector('.frame'), image = frame.querySelector('img');
const drawing = frame.querySelector('svg');
let box = null, marks = [], corner = null, start = null;
const clamp = (value) => Math.min(1, Math.max(0, value));
const at = (event) => {
  const r = image.getBoundingClientRect();
  return [clamp((event.clientX - r.left) / r.width), clamp((event.clientY - r.top) / r.height)];
};
const between = ([a, b], [c, d]) =>
  [Math.min(a, c), Math.min(b, d), Math.max(a, c), Math.max(b, d)];
const path = (points, close) => 'M' + points.map(([x, y]) => 100 * x + ' ' + 100 * y).join('L') +
  (close ? 'Z' : '');
const draw = () => {
  const shapes = [];
  if (box) {
    const [l, t, r, b] = box;
    const corners = [[l, t], [r, t], [r, b], [l, b]];
    shapes.push(['box back', path(corners, true)], ['box', path(corners, true)]);
  }
  for (const {name, ring, base, tip} of marks) {
    if (!ring) continue;
    for (const back of [' back', '']) {
      shapes.push([name + back, path(ring, true)], [name + back, path([base, tip], false)]);
    }
  }
  if (corner) {
    const [x, y] = corner;
    const cross = path([[x - .02, y], [x + .02, y]]) + path([[x, y - .02], [x, y + .02]]);
    shapes.push(['box back', cross], ['box', cross]);
  }
  drawing.innerHTML = shapes.map(([name, d]) => `<path class="${name}" d="${d}"/>`).join('');
};
const take = (wanted) => {
  [box, corner, marks] = [wanted, null, []];
  draw();
  trigger('select', {box});
};
frame.addEventListener('pointerdown', (event) => {
  if (!image.src || event.button) return;
  event.preventDefault();
  frame.focus({preventScroll: true});
  frame.setPointerCapture(event.pointerId);
  start = at(event);
});
frame.addEventListener('pointermove', (event) => {
  const from = start ?? corner;
  if (!from) return;
  const now = at(event);
  if (start && Math.hypot(now[0] - start[0], now[1] - start[1]) < .015) return;
  if (start) corner = null;
  box = between(from, now);
  marks = [];
  draw();
});
frame.addEventListener('pointerup', (event) => {
  if (!start) return;
  const now = at(event), from = start;
  start = null;
  if (Math.hypot(now[0] - from[0], now[1] - from[1]) >= .015) return take(between(from, now));
  if (corner) return take(between(corner, now));
  corner = now;
  box = null;
  marks = [];
  draw();
});
frame.addEventListener('pointercancel', () => { start = null; });
let later = null;
frame.addEventListener('keydown', (event) => {
  const [dx, dy] = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]}[
    event.key] ?? [];
  if (dx === undefined || !box) return;
  event.preventDefault();
  let [l, t, r, b] = box;
  const x = .02 * dx, y = .02 * dy;
  if (event.shiftKey) {
    r = Math.max(l + .02, Math.min(1, r + x));
    b = Math.max(t + .02, Math.min(1, b + y));
  } else {
    const mx = Math.max(-l, Math.min(1 - r, x)), my = Math.max(-t, Math.min(1 - b, y));
    [l, t, r, b] = [l + mx, t + my, r + mx, b + my];
  }
  box = [l, t, r, b];
  marks = [];
  draw();
  clearTimeout(later);
  later = setTimeout(() => trigger('select', {box}), 250);
});
const show = () => {
  const given = props.value && JSON.parse(props.value);
  frame.classList.toggle('empty', !given);
  if (!given) return;
  if (given.photo) image.src = given.photo;
  // What the visitor is doing now is newer than what comes back from the server.
  if (start || corner) return;
  box = given.box;
  marks = given.marks;
  draw();
};
watch('value', show);
show();
"""


def box_view(label: str, alt: str, elem_id: str) -> gr.HTML:
    """A component whose `select` event carries `box`: left, top, right, bottom in [0, 1].

    Its value is JSON text: "photo" (an address; left out, the picture stays), "box", and "marks",
    each with "name", "ring", "base" and "tip" in the same coordinates.

    Args:
        label: What to do with it, read aloud. alt: What the picture shows.
    """
    return gr.HTML(
        None,
        html_template=_TEMPLATE.replace("LABEL", label).replace("ALT", alt),
        js_on_load=_ON_LOAD,
        elem_id=elem_id,
        elem_classes="plain",
        apply_default_css=False,
    )
