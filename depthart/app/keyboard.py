"""What Gradio leaves to the mouse, by keys: points in pictures, dividers, point clouds; and names.

A script for the page's head. Elements appear with their tabs, so it looks at what is new.
"""

from __future__ import annotations

HEAD = """<script>
(() => {
  const STEPS = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};
  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
  const mouse = (name, x, y) =>
    new MouseEvent(name, {clientX: x, clientY: y, view: window, bubbles: true, cancelable: true});

  // ---- names for those who do not see ----
  const name = () => {
    for (const item of document.querySelectorAll('#left .gallery-item:not([aria-label])')) {
      const file = decodeURIComponent(item.querySelector('img')?.src ?? '').split('/').pop();
      const words = file.replace(/[.]\\w+$/, '').replaceAll('_', ' ');
      if (words) item.setAttribute('aria-label', 'Example: ' + words);
    }
    for (const link of document.querySelectorAll('a.download-link:not([aria-label])')) {
      link.setAttribute('aria-label', 'Download');
      link.querySelector('button')?.setAttribute('tabindex', -1);
    }
    for (const divider of document.querySelectorAll('.pair-view .outer:not([tabindex])')) {
      const facts = {tabindex: 0, role: 'slider', 'aria-label': 'Divider between the two pictures',
        'aria-valuemin': 0, 'aria-valuemax': 100, 'aria-valuenow': 50};
      for (const [key, value] of Object.entries(facts)) divider.setAttribute(key, value);
    }
    for (const view of document.querySelectorAll('.pair-view')) {
      view.querySelectorAll('img:not([alt]), img[alt=""]').forEach((image, k, all) => {
        image.alt = all.length > 1 && !k ? 'Left picture' : 'Right picture';
      });
    }
    for (const button of document.querySelectorAll('.pointed .image-container > button')) {
      if (button.hasAttribute('aria-label') || !button.querySelector('img')) continue;
      button.setAttribute('aria-label', button.querySelector('img').alt +
        '. Arrow keys move a cross, with shift in large steps; Enter chooses the point.');
    }
  };
  let due = false;
  const soon = () => {
    if (due) return;
    due = true;
    requestAnimationFrame(() => { due = false; name(); });
  };
  // The body may not be there yet.
  new MutationObserver(soon).observe(document.documentElement, {childList: true, subtree: true});

  // ---- points in a picture ----
  const places = new WeakMap();  // of the cross, in shares of the picture
  const frame = (image) => {  // where the picture is drawn, as Gradio reckons it
    const r = image.getBoundingClientRect();
    const scale = Math.min(r.width / image.naturalWidth, r.height / image.naturalHeight, 1);
    const [w, h] = [image.naturalWidth * scale, image.naturalHeight * scale];
    return [r.left + (r.width - w) / 2, r.top + (r.height - h) / 2, w, h];
  };
  const point = (event, button) => {
    const image = button.querySelector('img');
    if (!image?.naturalWidth) return;
    const place = places.get(button) ?? [.5, .5], [dx, dy] = STEPS[event.key] ?? [];
    const [left, top, width, height] = frame(image);
    if (dx !== undefined) {
      const by = event.shiftKey ? .1 : .01;
      place[0] = clamp(place[0] + by * dx, 0, .999);
      place[1] = clamp(place[1] + by * dy, 0, .999);
    } else if (event.key === 'Enter' || event.key === ' ') {
      const [x, y] = [left + place[0] * width, top + place[1] * height];
      button.dispatchEvent(mouse('click', x, y));
    } else return;
    event.preventDefault();
    places.set(button, place);
    let cross = button.querySelector('.cross');
    if (!cross) {
      cross = document.createElement('i');
      cross.className = 'cross';
      button.append(cross);
    }
    const r = button.getBoundingClientRect();
    cross.style.left = left + place[0] * width - r.left + 'px';
    cross.style.top = top + place[1] * height - r.top + 'px';
  };

  // ---- a divider between two pictures ----
  const divide = (event, divider) => {
    const r = divider.parentElement.getBoundingClientRect();
    const at = divider.getBoundingClientRect();
    const now = (at.left + at.right) / 2 - r.left, by = (event.shiftKey ? .1 : .02) * r.width;
    const wished = {ArrowLeft: now - by, ArrowRight: now + by, Home: 0, End: r.width}[event.key];
    if (wished === undefined) return;
    event.preventDefault();
    const x = clamp(wished, 0, r.width);
    divider.dispatchEvent(mouse('mousedown', r.left + x, at.top + 1));
    window.dispatchEvent(mouse('mouseup', r.left + x, at.top + 1));
    divider.setAttribute('aria-valuenow', Math.round(100 * x / r.width));
  };

  // ---- a point cloud: arrows turn it, + and - come nearer and go farther ----
  const turn = (event, host) => {
    const camera = structuredClone(host._fullLayout?.scene?.camera ?? null);
    if (!camera) return;
    const {eye, center} = camera, [dx, dy] = STEPS[event.key] ?? [0, 0];
    const zoom = {'+': 1 / 1.1, '=': 1 / 1.1, '-': 1.1}[event.key] ?? 1;
    if (!dx && !dy && zoom === 1) return;
    event.preventDefault();
    const [x, y, z] = ['x', 'y', 'z'].map(axis => eye[axis] - center[axis]);
    const radius = Math.hypot(x, y, z) * zoom, step = Math.PI / 36;
    const around = Math.atan2(y, x) + step * dx;
    const up = clamp(Math.asin(z / Math.hypot(x, y, z)) - step * dy, -1.5, 1.5);
    eye.x = center.x + radius * Math.cos(up) * Math.cos(around);
    eye.y = center.y + radius * Math.cos(up) * Math.sin(around);
    eye.z = center.z + radius * Math.sin(up);
    host.dispatchEvent(new Event('lead'));
    window.Plotly.relayout(host, {'scene.camera': camera});
  };

  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const focused = event.target;
    if (focused.matches?.('.pointed .image-container > button')) point(event, focused);
    else if (focused.matches?.('.pair-view .outer')) divide(event, focused);
    else if (focused.matches?.('.plot-host')) turn(event, focused);
  });
})();
</script>"""
