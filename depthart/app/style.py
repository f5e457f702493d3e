"""Theme and style sheet. System fonts only: nothing is fetched from elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import gradio as gr

FONT = ["ui-sans-serif", "system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"]
MONO = ["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace"]


def theme() -> gr.Theme:
    """Quiet neutral surfaces, one accent; light and dark."""
    import gradio as gr

    return gr.themes.Base(
        primary_hue=gr.themes.colors.indigo,
        neutral_hue=gr.themes.colors.slate,
        radius_size=gr.themes.sizes.radius_md,
        spacing_size=gr.themes.sizes.spacing_md,
        font=FONT,
        font_mono=MONO,
    ).set(
        body_background_fill="*neutral_50",
        body_background_fill_dark="*neutral_950",
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_400",
        block_border_width="1px",
        block_label_background_fill="*background_fill_primary",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        button_primary_background_fill_dark="*primary_500",
        button_primary_background_fill_hover_dark="*primary_400",
        button_primary_text_color="white",
        slider_color="*primary_600",
        slider_color_dark="*primary_400",
    )


CSS = """
#columns { --main-height: 430px; --side-height: 226px; --photo-height: 270px;
  --pair-height: 380px; --cloud-height: 520px; }
.gradio-container { width: 100%; max-width: 1360px !important; margin: 0 auto !important; }
#head .html-container, .plain .html-container { padding: 0 !important; }
#head h1 { font-size: 1.5rem; font-weight: 700; margin: 0; letter-spacing: -.01em; }
#head p { margin: .1rem 0 0; color: var(--body-text-color-subdued); }
.notice { border: 1px solid #d97706; border-left-width: 4px; border-radius: 8px;
  padding: .7rem 1rem; overflow-wrap: anywhere;
  background: color-mix(in srgb, #f59e0b 12%, var(--background-fill-primary)); }

#left div.gallery:has(> .gallery-item) {
  display: grid; grid-template-columns: repeat(4, 1fr); gap: 6px; }
#left .gallery .container, #left .gallery img { width: 100%; height: auto; aspect-ratio: 1;
  max-width: none; max-height: none; object-fit: cover; }

/* A map: label and buttons above the picture, never on it; a fixed height, so nothing jumps. */
.map > label.float, .pair-view > label.float { position: static; border: 0; background: none;
  padding: 0 .1rem; height: 28px; font-size: .9rem; font-weight: 600;
  color: var(--body-text-color); box-shadow: none; }
.map > label.float > span:first-child, .pair-view > label.float > span:first-child {
  display: none; }
.map, .pair-view { border: 0 !important; background: none !important;
  overflow: visible !important; }
.map > .image-container, .map > .empty, .pair-view > .image-container, .pair-view > .empty {
  height: calc(100% - 28px) !important; min-height: 0 !important; }
.map > .image-container > button, .map > .empty, .pair-view > .empty,
.pair-view .slider-wrap {
  background: var(--background-fill-primary); border: 1px solid var(--border-color-primary);
  border-radius: var(--block-radius); overflow: hidden; }
.map .icon-button-wrapper, .pair-view .icon-button-wrapper {
  top: -27px !important; right: 0 !important; border: 0; background: none; box-shadow: none; }
.pointed img { object-fit: scale-down !important; }  /* as Gradio reckons clicked points */
.pointed .image-container > button { position: relative; }
.cross { position: absolute; width: 25px; height: 25px; margin: -12.5px; pointer-events: none;
  filter: drop-shadow(0 0 1px black); background:
    linear-gradient(white, white) center / 25px 2px no-repeat,
    linear-gradient(white, white) center / 2px 25px no-repeat; }
button:not(:focus) > .cross { display: none; }
:is(button, a, [tabindex], input, select, textarea, summary):focus-visible {
  outline: 2px solid var(--slider-color) !important; outline-offset: 2px !important; }
.map:not(.pointed) img { object-fit: contain !important; }
.map img { width: 100%; height: 100%; }
.map .image-frame { width: 100%; height: 100%; }
.pair-view :is(.wrap, .content, img) { background: var(--background-fill-primary) !important; }
.pair-view .slider-wrap, .pair-view .slider-wrap > .wrap, .pair-view .content,
.pair-view .content img { height: 100% !important; }
.caption { font-size: .85rem; min-height: 5.4rem; }  /* three lines below the legend */
.caption p { margin: 0; padding-top: .25rem; font-size: .85rem; line-height: 1.2rem;
  color: var(--body-text-color-subdued); }
.legend { height: 1.2rem; display: flex; align-items: center; gap: .6rem; white-space: nowrap;
  font-variant-numeric: tabular-nums; }
.legend i { flex: 1; height: 8px; border-radius: 4px; min-width: 40px; }

#scale-bar { border: 1px solid var(--border-color-primary); border-radius: var(--block-radius);
  background: var(--background-fill-primary); padding: .7rem .9rem; gap: .35rem; }
.status { font-size: .95rem; }
.status .bar { height: 4px; border-radius: 2px; margin-top: .35rem; overflow: hidden;
  background: var(--border-color-primary); }
.status .bar i { display: block; height: 100%; border-radius: 2px; background: var(--slider-color);
  transition: width .2s ease-out; }
.ladder p { margin: 0; font-size: .95rem; font-variant-numeric: tabular-nums; min-height: 1.4rem; }
#stepper { flex-wrap: nowrap; align-items: center; gap: .5rem; }
#stepper .form, #scale { border: 0; background: none; box-shadow: none; padding: 0; }
#scale .head { display: none; }  /* the line below says which scale it is */
#stepper .form, #scale { min-width: 0 !important; flex: 1 1 0 !important; }
#scale input[type=range]::-webkit-slider-thumb { background: var(--slider-color); }
#scale input[type=range]::-moz-range-thumb { background: var(--slider-color); }
#stepper button { height: 36px; padding: 0 .7rem; }
#play[data-playing] { font-size: 0; }
#play[data-playing]::before { content: "❚❚ Pause"; font-size: var(--button-small-text-size); }
#previous, #next { font-size: 1.2rem; line-height: 1; }

#curves > * { min-width: min(230px, 100%) !important; }
.curve { margin: 0; }
.curve figcaption { font-size: .9rem; font-weight: 600; }
.curve svg { width: 100%; height: auto; display: block; overflow: visible; }
.curve .axis { stroke: var(--border-color-primary); stroke-width: 1; }
.curve polyline { fill: none; stroke: var(--slider-color); stroke-width: 2;
  stroke-linejoin: round; }
.curve .area { fill: var(--slider-color); opacity: .12; }
.curve .dot { fill: var(--slider-color); }
.curve circle.chosen { fill: var(--slider-color); stroke: var(--background-fill-primary);
  stroke-width: 2; }
.curve text { font-size: 13px; fill: var(--body-text-color-subdued); font-family: inherit;
  font-variant-numeric: tabular-nums; }
.curve text.value, .curve text.tick.chosen { fill: var(--body-text-color); font-weight: 600; }

#cloud, #cloud .plot-host { height: var(--cloud-height); width: 100%; }
#cloud .plot-host { border: 1px solid var(--border-color-primary);
  border-radius: var(--block-radius); background: var(--background-fill-primary);
  overflow: hidden; touch-action: none; }

#compare-bar { align-items: center; }
/* Cards of models; each has its picture's shape from the start, so nothing jumps. */
.cards { display: grid; gap: 0 .9rem;
  grid-template-columns: repeat(var(--columns), minmax(0, 340px)); }
/* Name, depth, difference, words: each begins at one height in all cards of a row. */
.card { margin: 0 0 .9rem; min-width: 0; display: grid; gap: 4px; grid-row: span 4;
  grid-template-rows: subgrid; }
.card figcaption { display: flex; flex-wrap: wrap; align-content: end; align-items: baseline;
  gap: 0 .4rem; font-size: .9rem;
  line-height: 1.3rem; min-width: 0; }
.card figcaption b { overflow-wrap: anywhere; font-weight: 600; }
.badge { font-size: .72rem; line-height: 1.1rem; padding: 0 .4rem; border-radius: 999px;
  border: 1px solid var(--border-color-primary); color: var(--body-text-color-subdued); }
.card img, .card .blank { width: 100%; display: block; margin: 0; border-radius: 6px;
  border: 1px solid var(--border-color-primary); }
.card .blank { display: flex; align-items: center; justify-content: center; text-align: center;
  padding: .6rem; font-size: .82rem; line-height: 1.2rem; overflow: auto;
  color: var(--body-text-color-subdued); background: var(--background-fill-primary); }
.card .blank.failed { border-color: #d97706; overflow-wrap: anywhere; }
.card p, .legends p { margin: 0; font-size: .82rem; line-height: 1.15rem;
  color: var(--body-text-color-subdued); }
.card p.figures { font-variant-numeric: tabular-nums; color: var(--body-text-color); }
.legends { display: grid; grid-template-columns: 1fr 1fr; gap: .1rem 1.6rem; margin-top: .8rem;
  font-size: .85rem; }
.legends p { grid-column: 1 / -1; }
.compare-empty { margin: 0; padding: 2.4rem 1rem; text-align: center; border-radius: 8px;
  border: 1px dashed var(--border-color-primary); color: var(--body-text-color-subdued); }
.numbers { overflow-x: auto; }
.numbers :is(table, thead, tbody, tr) { border: 0 !important; }
.numbers table { width: 100%; border-collapse: collapse; margin: 0; font-size: .88rem;
  font-variant-numeric: tabular-nums; }
.numbers table :is(th, td) { border: 0 !important; padding: .3rem .5rem !important;
  border-bottom: 1px solid var(--border-color-primary) !important; text-align: right;
  font-weight: 400; white-space: nowrap; }
.numbers table thead th { font-weight: 600; vertical-align: bottom; }
.numbers table :is(th:first-child, .words) { text-align: left; white-space: normal; }
.numbers p { margin: .4rem 0 0; font-size: .85rem; line-height: 1.2rem;
  color: var(--body-text-color-subdued); }
.plot-grid { display: grid; gap: .8rem;
  grid-template-columns: repeat(auto-fit, minmax(min(230px, 100%), 1fr)); }
/* Four as two and two, not three and one. */
.plot-grid:has(> :nth-child(4):last-child) { grid-template-columns: 1fr 1fr; }
#cloud ~ * .caption { min-height: 2.6rem; }
.plot-grid figure { margin: 0; min-width: 0; }
.plot-grid figcaption { font-size: .9rem; font-weight: 600; }
.plot-grid .plot-host { height: 280px; border: 1px solid var(--border-color-primary);
  border-radius: 8px; overflow: hidden; touch-action: none; }
#probe .frame { position: relative; width: fit-content; margin: 0 auto; line-height: 0;
  cursor: crosshair; touch-action: none; user-select: none; border-radius: 8px; }
#probe .frame:focus-visible { outline: 2px solid var(--slider-color); outline-offset: 2px; }
#probe .frame img { display: block; max-width: 100%; max-height: 520px; margin: 0;
  border-radius: 8px; pointer-events: none; }
#probe .frame.empty { width: 100%; height: var(--main-height); cursor: default;
  border: 1px solid var(--border-color-primary); background: var(--background-fill-primary); }
#probe .frame.empty img { visibility: hidden; }
#probe svg { position: absolute; inset: 0; width: 100%; height: 100%; overflow: hidden; }
#probe path { fill: none; stroke: white; stroke-width: 1.6; vector-effect: non-scaling-stroke; }
#probe path.box { stroke-dasharray: 5 4; }
#probe path.reference { stroke: #e2e8f0; }
#probe path.chosen { stroke: #fb7185; stroke-width: 2.4; }
#probe path.back { stroke: rgba(0, 0, 0, .65); stroke-width: 4; stroke-dasharray: none; }
.verdict { margin: 0 0 .6rem; font-size: .95rem; line-height: 1.35rem; }
.absent { font-size: .88rem; line-height: 1.25rem; }
.absent span { color: var(--body-text-color-subdued); }
.absent p { margin: 0; color: var(--body-text-color-subdued); }
.absent p.news { color: var(--body-text-color); }
.absent p.trouble { color: var(--error-text-color); overflow-wrap: anywhere; }
.absent-row { flex-wrap: nowrap; align-items: flex-start; }

#ensemble-bar { align-items: end; }
#mesh-view { margin-top: .3rem; }
.hint { margin: 0; font-size: .85rem; line-height: 1.2rem; color: var(--body-text-color-subdued); }
table.scores, table.scores :is(thead, tbody, tr) { border: 0; }
table.scores { width: 100%; border-collapse: collapse; font-size: .9rem; margin-top: 28px;
  font-variant-numeric: tabular-nums; }
table.scores caption { text-align: left; padding-bottom: .4rem; overflow-wrap: anywhere;
  color: var(--body-text-color-subdued); }
table.scores th, table.scores td { text-align: right; padding: .22rem .5rem; border-width: 0 0 1px;
  border-style: solid; border-color: var(--border-color-primary); }
table.scores th { font-weight: 600; }
table.scores tr.chosen td { font-weight: 700; background: var(--background-fill-primary);
  box-shadow: inset 0 -2px var(--slider-color); }

.pyramid { margin-top: 1.6rem; }
.pyramid h3 { margin: 0; font-size: 1rem; font-weight: 600; }
.pyramid p { margin: .15rem 0 .6rem; max-width: 75ch; font-size: .9rem; line-height: 1.35rem;
  color: var(--body-text-color-subdued); }
.pyramid > div { display: grid; grid-template-columns: repeat(10, 1fr); gap: 8px; }
.pyramid button { padding: 0; border: 0; background: none; cursor: pointer; min-width: 0;
  color: var(--body-text-color-subdued); font-size: .8rem; font-variant-numeric: tabular-nums; }
.pyramid img { width: 100%; display: block; border-radius: 5px; margin: 0 0 .15rem;
  outline: 1px solid var(--border-color-primary); }
.pyramid.tokens img { image-rendering: pixelated; }
.pyramid button:hover img { outline: 2px solid var(--body-text-color-subdued); }
.pyramid button.chosen { color: var(--body-text-color); font-weight: 700; }
.pyramid button.chosen img { outline: 3px solid var(--slider-color); outline-offset: 1px; }

.files { font-size: .85rem; line-height: 1.4; margin: 0; }
.files dt { font-family: var(--font-mono); }
.files dd { margin: 0 0 .45rem; color: var(--body-text-color-subdued); }
#files td:has(.label-clear-button), #files .label-clear-button { display: none; }
@media (max-width: 640px) {
  #compare-bar { flex-wrap: wrap; }
  #compare-status { flex: 1 0 100%; }
  .legends { grid-template-columns: 1fr; }
  .plot-grid { grid-template-columns: 1fr 1fr; }
  .cards { --columns: 2 !important; }
  .plot-grid .plot-host { height: 190px; }
  /* A table too wide for a phone: a block per row, each number with its own heading. */
  .numbers thead { display: none; }
  .numbers table tr { display: grid; grid-template-columns: 1fr 1fr; gap: 0 1rem;
    padding: .5rem 0; border-bottom: 1px solid var(--border-color-primary) !important; }
  .numbers table :is(th, td) { border: 0 !important; padding: .1rem 0 !important; }
  .numbers table :is(th, td.words) { grid-column: 1 / -1; }
  .numbers td:not(.words) { display: flex; justify-content: space-between; gap: .5rem; }
  .numbers td[data-head^=Aligned]::before { content: "Aligned by: "; }
  .numbers td:not(.words)::before { content: attr(data-head);
    color: var(--body-text-color-subdued); }
  #columns { --main-height: 310px; --side-height: 290px; --photo-height: 250px;
    --pair-height: 290px; --cloud-height: 360px; }
  #scale-bar { padding: .6rem .7rem; }
  #stepper .min_value, #stepper .max_value { display: none; }
  .caption { min-height: 0; }
  .curve text { font-size: 11px; }
  .tabs button[role=tab] { padding: .4rem .25rem; font-size: .78rem; }
  .pyramid > div { grid-template-columns: repeat(5, 1fr); }
}
@media (prefers-reduced-motion: reduce) { .status .bar i { transition: none; } }
"""

# Outside of what Gradio's `css` reaches. On a phone Gradio hides the link before the divider.
HEAD = """<style>
@media (max-width: 640px) {
  footer .divider { display: none !important; }
  .gradio-container > .main { padding: 14px !important; }
}
</style>"""
