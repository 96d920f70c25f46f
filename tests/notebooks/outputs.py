"""Outputs of notebooks as they are committed, and how those of another run differ from them."""

import base64
import io
import re
from collections.abc import Iterator
from itertools import groupby
from typing import Any

import numpy as np
from PIL import Image, ImageFilter

VARIES = "varies"
"""Tag of a cell whose outputs are not compared: they hold times, texts that a tie may exchange, or
counts that depend on messages near a threshold.
"""
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
WIDGET = "A widget: run the notebook to use it."
RELATIVE, ABSOLUTE = 0.1, 0.06
"""A number may differ by a tenth, or by six hundredths: vectors of other processors differ in the last bits,
which moves a question or two.
"""
INK = 0.02
"""Mean difference of two pictures, of the way from black to white."""
_NUMBER = re.compile(r"[-+−]?\d[\d,]*(?:\.\d+)?")
_BLANKS = re.compile(r"[ ─━═]+")
"""Between the columns of a table, as wide as its longest number leaves them."""
_ADDRESS = re.compile(r"0x[0-9a-f]{6,}")


def clean(notebook: Any) -> None:
    """Remove from an executed notebook what differs at every run, and the state of widgets."""
    notebook.metadata.pop("widgets", None)
    notebook.metadata.get("language_info", {}).pop("version", None)
    for number, cell in enumerate((one for one in notebook.cells if one.cell_type == "code"), start=1):
        cell.metadata.pop("execution", None)
        cell.execution_count = number
        cell.outputs = [_cleaned(output, number) for output in _joined(cell.outputs)]


def _joined(outputs: list[Any]) -> Iterator[Any]:
    """Yield outputs, with what was printed in a row as one: a busy kernel sends it in more pieces."""
    for name, some in groupby(outputs, key=lambda output: output.get("name") or id(output)):
        first, *more = some
        if isinstance(name, str):
            first.text += "".join(output.text for output in more)
        yield first


def _cleaned(output: Any, number: int) -> Any:
    if "execution_count" in output:
        output.execution_count = number
    data = output.get("data", {})
    if data.pop(WIDGET_VIEW, None):
        data["text/plain"] = WIDGET
    return output


def differences(committed: Any, executed: Any) -> Iterator[str]:
    """Yield what a run gives that the committed notebook does not show; tagged cells are left out."""
    for place, (shown, now) in enumerate(zip(committed.cells, executed.cells, strict=True)):
        if shown.cell_type != "code" or VARIES in shown.metadata.get("tags", ()):
            continue
        before, after = list(_parts(shown)), list(_parts(now))
        if [kind for kind, _ in before] != [kind for kind, _ in after]:
            yield f"cell {place} shows {[kind for kind, _ in after]}"
            continue
        for (kind, was), (_, found) in zip(before, after, strict=True):
            told = _picture_difference(was, found) if kind == "image/png" else text_difference(was, found)
            if told:
                yield f"cell {place}: {told}"


def _parts(cell: Any) -> Iterator[tuple[str, str]]:
    for output in cell.outputs:
        if "text" in output:
            yield "text", output.text
        yield from sorted(
            (kind, value) for kind, value in output.get("data", {}).items() if isinstance(value, str)
        )


def text_difference(was: str, found: str) -> str:
    """Return how a text differs: in its words, or in a number by more than is allowed; "" if it does not."""
    was, found = _ADDRESS.sub("", was), _ADDRESS.sub("", found)
    if _BLANKS.sub(" ", _NUMBER.sub("#", was)) != _BLANKS.sub(" ", _NUMBER.sub("#", found)):
        return f"other words: {found[:400]!r} instead of {was[:400]!r}"
    numbers = (
        tuple(map(_value, pair)) for pair in zip(_NUMBER.findall(was), _NUMBER.findall(found), strict=True)
    )
    far = [pair for pair in numbers if abs(pair[0] - pair[1]) > max(RELATIVE * abs(pair[0]), ABSOLUTE)]
    return f"{far[0][1]:g} instead of {far[0][0]:g}, in {found[:400]!r}" if far else ""


def _value(number: str) -> float:
    return float(number.replace(",", "").replace("−", "-"))


def _picture_difference(was: str, found: str) -> str:
    before, after = _grey(was), _grey(found)
    if before.shape[1] != after.shape[1]:
        return f"a picture of {after.shape} instead of {before.shape}"
    rows = min(len(before), len(after))
    apart = float(np.abs(before[:rows] - after[:rows]).mean())
    return f"another picture ({apart:.3f} apart)" if apart > INK else ""


def _grey(picture: str) -> np.ndarray[Any, Any]:
    with Image.open(io.BytesIO(base64.b64decode(picture))) as image:
        soft = image.convert("L").filter(ImageFilter.BoxBlur(3))
    return np.asarray(soft, float) / 255
