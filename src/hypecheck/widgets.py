"""Dials: a figure that a reader turns by hand in a live notebook, and sees still on a page.

Design choices

- A dial calls one function, options in and figure out; it computes nothing itself.
- Its MIME bundle holds the widget *and* ``text/html``: a live notebook shows the first, a published
  page the second, which needs no script.
- Figures are images with their ``alt_text``, in both forms. Controls are drop-down lists with a
  label each: they are reached, read and changed by keyboard alone.
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets
from matplotlib.figure import Figure

Draw = Callable[..., Figure]


class Dial:
    """A figure with its options; make it with `dial`.

    Parameters
    ----------
    draw : callable
        ``draw(**options) -> Figure`` with ``alt_text``.
    options : mapping of str to sequence
        Values of each option, the first one shown first.

    Attributes
    ----------
    controls : dict of str to ipywidgets.Dropdown
        One for each option.
    view : ipywidgets.HTML
        The figure that is shown.
    """

    def __init__(self, draw: Draw, options: dict[str, Sequence[Any]]) -> None:
        for name, values in options.items():
            if isinstance(values, str) or len(values) < 2:
                raise ValueError(
                    f"option {name!r} needs two values or more to choose among, got {values!r}"
                )
        self._draw, self._drawn = draw, dict[tuple[int, ...], tuple[str, str]]()
        self.controls = {
            name: ipywidgets.Dropdown(
                options=[(str(value), value) for value in values],
                value=values[0],
                description=name.replace("_", " "),
                style={"description_width": "initial"},
            )
            for name, values in options.items()
        }
        self.view = ipywidgets.HTML(self._figure()[0])
        for control in self.controls.values():
            control.observe(self._redraw, names="value")
        self._box = ipywidgets.VBox([*self.controls.values(), self.view])

    @property
    def values(self) -> dict[str, Any]:
        """The value of every option now."""
        return {name: control.value for name, control in self.controls.items()}

    def _redraw(self, _change: object) -> None:
        self.view.value = self._figure()[0]

    def _figure(self) -> tuple[str, str]:
        """Markup and alternative text for the values now, drawn once."""
        key = tuple(control.index for control in self.controls.values())
        if key not in self._drawn:
            figure = self._draw(**self.values)
            self._drawn[key] = figure_html(figure), figure.alt_text  # type: ignore[attr-defined]
        return self._drawn[key]

    def static_html(self) -> str:
        """Give the figure as it stands, and the options that a live notebook offers, as HTML."""
        offered = "; ".join(
            f"{control.description}: " + ", ".join(label for label, _ in control.options)
            for control in self.controls.values()
        )
        shown = ", ".join(
            f"{name.replace('_', ' ')} {value}" for name, value in self.values.items()
        )
        note = f"Shown: {shown}. In a live notebook this figure has controls ({offered})."
        return f'{self._figure()[0]}<p class="dial-note">{html.escape(note)}</p>'

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        bundle: dict[str, Any] = self._box._repr_mimebundle_(**kwargs)
        return bundle | {"text/html": self.static_html(), "text/plain": self._figure()[1]}


def dial(draw: Draw, /, **options: Sequence[Any]) -> Dial:
    """Give a figure controls for a live notebook, and a still form for a page.

    Parameters
    ----------
    draw : callable
        ``draw(**options) -> Figure`` with ``alt_text``, e.g. one that looks a result up and plots
        it; called again only for values not seen before.
    **options : sequence
        Values of each option, the first one shown first.

    Returns
    -------
    dial : Dial
        Shows itself as the last line of a cell.

    Raises
    ------
    ValueError
        If there is nothing to choose, or a figure has no ``alt_text``.

    Examples
    --------
    >>> def draw(k):
    ...     figure = Figure((2, 1))
    ...     figure.alt_text = f"An empty figure that stands for words of {k} bases."
    ...     return figure
    >>> words = dial(draw, k=[3, 6])
    >>> words.controls["k"].value = 6
    >>> "words of 6 bases" in words.view.value
    True
    """
    if not options:
        raise ValueError("a dial needs an option, e.g. dial(draw, k=[3, 6]); else show the figure")
    return Dial(draw, options)


def figure_html(figure: Figure) -> str:
    """Turn a figure into an HTML image with its alternative text.

    Parameters
    ----------
    figure : Figure
        With ``alt_text``.

    Returns
    -------
    markup : str
        One ``img`` element, the image inside.

    Raises
    ------
    ValueError
        If there is no ``alt_text``.
    """
    alt = getattr(figure, "alt_text", "")
    if not alt:
        raise ValueError(
            "the figure has no alt_text; set figure.alt_text to a sentence that tells the finding"
        )
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=160, metadata={"Software": None})
    data = base64.b64encode(buffer.getvalue()).decode()
    width = round(figure.get_figwidth() * 96)
    return (
        f'<img alt="{html.escape(alt)}" width="{width}" style="max-width:100%;height:auto" '
        f'src="data:image/png;base64,{data}">'
    )
