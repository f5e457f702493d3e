"""Generated text between markers of a document."""

from __future__ import annotations

import re


def fill(text: str, content: str, name: str) -> str:
    """Replace what stands between `<!-- NAME -->` and `<!-- /NAME -->`.

    Raises:
        ValueError: if the markers are missing.
    """
    start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    pattern = re.compile(re.escape(start) + ".*?" + re.escape(end), re.DOTALL)
    if not pattern.search(text):
        raise ValueError(f"no {start} ... {end} to fill")
    return pattern.sub(lambda _: f"{start}\n{content}\n{end}", text)
