"""The words of the comparison: cards, table, status, models that are not here. Returns HTML."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable
from functools import lru_cache
from html import escape
from pathlib import Path

import numpy as np

from depthart.align import Alignment
from depthart.app import text
from depthart.app.compare import TRUTH, Aligned, Failure, Reference, Working
from depthart.app.compare_pictures import (
    depth_picture,
    difference_picture,
    limits_of,
    truth_picture,
)
from depthart.app.state import Look, Session
from depthart.registry import ModelInfo
from depthart.visualize import color_table, difference_map

KINDS = {
    "scale_invariant": "Depth up to one factor",
    "affine_invariant": "Depth up to a factor and an offset",
    "disparity": "Inverse depth up to a factor and an offset",
    "metric": "Depth in metres",
}
WORDS = ("Model", "Output", "Aligned by")  # columns of the table that hold words
MOST_COLUMNS = 5  # of cards
EMPTY = "Estimate depth first: its result is what the other models are compared with."
NOT_RUN = "Has not seen this photo yet. Press <b>Compare</b>."


def grid(
    session: Session | None,
    reference: Reference | None,
    shown: dict[str, Aligned],
    names: Iterable[str],
    look: Look,
    working: Working | None = None,
) -> str:
    """A card per model, that of the reference first, and what the colours mean.

    Args:
        shown: The answers there are. names: The models chosen, which may have failed or not run.
    """
    if session is None or reference is None:
        return f'<p class="compare-empty">{EMPTY}</p>'
    shape = f"{session.preview.width} / {session.preview.height}"
    cards = []
    if reference.name == TRUTH:
        source = truth_picture(session, reference, look)
        cards.append(_card(TRUTH, "reference", _image(source, "True depth"), "", _truth_words()))
    first = [name for name in shown if name == reference.name]
    for name in dict.fromkeys([*first, *shown, *names]):
        if name in shown:
            cards.append(_answer_card(session, shown[name], reference, look))
        else:
            cards.append(_waiting_card(session, name, shape, working))
    columns = math.ceil(len(cards) / math.ceil(len(cards) / MOST_COLUMNS))  # rows of like length
    return (
        f'<div class="cards" style="--columns:{columns}">{"".join(cards)}</div>'
        f"{_legends(reference, look, len(cards) > 1)}"
    )


def table(
    reference: Reference | None, shown: dict[str, Aligned], infos: dict[str, ModelInfo]
) -> str:
    """The numbers of all answers, best first where there is ground truth."""
    if reference is None or not shown:
        return ""
    truth = reference.name == TRUTH
    rows = list(shown.values())
    if truth:
        rows.sort(key=lambda row: row.abs_rel)
    if truth:
        line = (
            "AbsRel: mean relative error, 0 is best. δ₁: share of pixels within a factor of 1.25 of"
            " the ground truth, 100 % is best."
        )
    else:
        line = (
            f"AbsRel: mean relative difference to {escape(reference.name)}; δ₁: share of pixels"
            " within a factor of 1.25 of it. Differences, not errors: nobody knows the true depth."
        )
    heads = ["Model", "Output", "Aligned by", "AbsRel", "δ₁", "Seconds", "Steps", "Size"]
    body = "".join(_row(row, heads, infos.get(row.result.model)) for row in rows)
    head = "".join(
        f'<th scope="col"{" class=words" if name in WORDS else ""}>{name}</th>' for name in heads
    )
    return (
        f'<div class="numbers"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody>'
        f"</table><p>{line} Seconds: network and decoding on this computer, without loading.</p>"
        "</div>"
    )


def facts(row: Aligned) -> dict[str, object]:
    """The numbers of one answer for programs, ready for JSON."""
    result = row.result
    return {
        "model": result.model,
        "kind": result.kind,
        "alignment": row.how or "reference",
        "abs_rel": row.abs_rel,
        "delta1": row.delta1,
        "seconds": round(result.seconds, 4),
        "steps": result.steps,
    }


def status(session: Session | None, names: Iterable[str], working: Working | None = None) -> str:
    """How far the comparison is, in a line, with a bar while it runs."""
    share = None
    if session is None:
        words = ""
    elif working is not None:
        step = f"step {working.step}" if working.step else "loading …"
        words = f"{escape(working.model)} ({working.place} of {working.count}): {step}"
        share = round(100 * (working.place - 1) / working.count)
    else:
        chosen = set(names) | {session.model}
        left = [name for name in sorted(chosen) if not _answered(session, name)]
        words = f"{len(chosen) - len(left)} of {len(chosen)} models have answered."
        if left:
            words += " Press <b>Compare</b> to ask the others."
    bar = (
        ""
        if share is None
        else f'<div class="bar" role="progressbar" aria-valuenow="{share}" aria-valuemin="0"'
        f' aria-valuemax="100" aria-label="progress"><i style="width:{share}%"></i></div>'
    )
    state = "done" if working is None else "working"
    return (
        f'<div class="status {state}" role="status" aria-live="polite"><span>{words}</span>'
        f"{bar}</div>"
    )


def absent(info: ModelInfo, news: str = "", trouble: bool = False) -> str:
    """A model that is not here: what it is, why it is missing, what a download would cost."""
    if info.available:
        why = "Downloaded. It can be chosen above."
    elif info.size_mb:
        why = f"Not downloaded, {megabytes(info.size_mb)}"
    else:
        why = info.reason.removeprefix("not downloaded; ")
        why = why[:1].upper() + why[1:]
    return (
        f'<div class="absent"><b>{escape(info.name)}</b> <span>{escape(why)}</span>'
        f"<p>{escape(info.description)}. {KINDS[info.kind]}. Licence: {escape(info.licence)}.</p>"
        + (
            f'<p class="{"trouble" if trouble else "news"}" role="status">{escape(news)}</p>'
            if news
            else ""
        )
        + "</div>"
    )


def megabytes(size: float) -> str:
    """A size as one says it."""
    return f"{size:.0f} MB" if size >= 10 else f"{size:.1f} MB"


def alignment_words(how: Alignment | None, reference: str) -> str:
    """What was done to an answer before it was shown, in one sentence."""
    whose = "the ground truth" if reference == TRUTH else escape(reference)
    return {
        None: "The reference: the others are aligned to it.",
        "none": "Shown as it is.",
        "scale": f"Scaled by one factor to fit {whose}.",
        "scale+shift": f"Factor and offset fitted to {whose}.",
        "disparity": f"Factor and offset fitted to the inverse depth of {whose}, then inverted.",
    }[how]


def _answer_card(session: Session, row: Aligned, reference: Reference, look: Look) -> str:
    name = row.result.model
    depth = _image(depth_picture(session, row, reference, look), f"Depth by {name}")
    difference, figures = "", f"{row.result.seconds:.2f} s"
    if row.how is not None:
        path = difference_picture(session, row, reference)
        difference = _image(path, f"Where {name} is nearer or farther than {reference.name}")
        verb = "error" if reference.name == TRUTH else "differs by"
        figures = f"{verb} {100 * row.abs_rel:.1f} % · {figures}"
    else:
        shape = f"{session.preview.width} / {session.preview.height}"
        words = "The others are compared with this"
        difference = f'<div class="blank" style="aspect-ratio:{shape}">{words}</div>'
    words = (
        f'<p class="figures">{figures}</p>'
        f"<p>{KINDS[row.result.kind]}. {alignment_words(row.how, reference.name)}</p>"
    )
    badge = "reference" if row.how is None else ""
    return _card(name, badge, depth, difference, words)


def _waiting_card(session: Session, name: str, shape: str, working: Working | None) -> str:
    failure = session.results.get(name)
    if isinstance(failure, Failure):
        state, words = "failed", escape(failure.reason)
    elif working is not None and working.model == name:
        state, words = "working", "At work …"
    else:
        state, words = "waiting", "Waiting …" if working is not None else NOT_RUN
    blank = f'<div class="blank {state}" style="aspect-ratio:{shape}"><span>{words}</span></div>'
    room = f'<div class="blank" style="aspect-ratio:{shape}"></div>'
    return _card(name, "", blank, room, "")


def _card(name: str, badge: str, first: str, second: str, words: str) -> str:
    label = f' <span class="badge">{badge}</span>' if badge else ""
    return (
        f'<figure class="card"><figcaption><b>{escape(name)}</b>{label}</figcaption>'
        f"{first}{second or '<div></div>'}<div>{words}</div></figure>"
    )


def _truth_words() -> str:
    return "<p>What you gave: all models are aligned to it, as their kinds demand.</p>"


def _legends(reference: Reference, look: Look, compared: bool) -> str:
    near, far = limits_of(reference)
    unit = " m" if reference.metric else ""
    bars = text.legend(
        f"near {text.number(near)}{unit}",
        f"{text.number(far)}{unit} far",
        color_table(look.cmap, look.invert)[::-1],
        "colours from near to far",
    )
    line = "Above, depth in one unit and one range of colours"
    if compared:
        change = np.linspace(1, -1, 256)[None]
        colors = difference_map(np.zeros_like(change), change, limit=1)[0]
        bars += text.legend("25 % farther", "nearer", colors, "colours from farther to nearer")
        line += f". Below, red is nearer and blue farther than {escape(reference.name)}"
    return f'<div class="legends">{bars}<p>{line}.</p></div>'


def _row(row: Aligned, heads: list[str], info: ModelInfo | None) -> str:
    result = row.result
    compared = row.how is not None
    cells = [
        f"<b>{escape(result.model)}</b>",
        KINDS[result.kind],
        {None: "reference", "none": "nothing"}.get(row.how, row.how),
        f"{row.abs_rel:.3f}" if compared else "–",
        f"{100 * row.delta1:.1f} %" if compared else "–",
        f"{result.seconds:.2f}",
        str(result.steps),
        megabytes(info.size_mb) if info and info.size_mb else "–",
    ]
    body = "".join(
        f'<td data-head="{head}"{" class=words" if head in WORDS else ""}>{cell}</td>'
        for head, cell in zip(heads[1:], cells[1:], strict=True)
    )
    return f'<tr><th scope="row">{cells[0]}</th>{body}</tr>'


def _answered(session: Session, name: str) -> bool:
    return name == session.model or name in session.results


def _image(path: str, alt: str) -> str:
    return f'<img src="{_data_uri(path)}" alt="{escape(alt)}" title="{escape(alt)}">'


@lru_cache(maxsize=64)
def _data_uri(path: str) -> str:
    """A small picture inside the page: its file needs no address of its own."""
    packed = base64.b64encode(Path(path).read_bytes()).decode()
    return f"data:image/{Path(path).suffix[1:]};base64,{packed}"
