"""The keys of a page with curves: log axis, smoothing, zoom; and curves made of points."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from registry.views import MetricPoint
from screens.widgets.plot import Plot, Series, View, thinned

SMOOTHING = (0.0, 0.6, 0.9, 0.98)


class PlotKeys:
    """Mixed into pages: all their plots are looked at in the same way."""

    view = View()

    def plots(self: Any) -> Iterable[Plot]:
        """The plots that the keys are for."""
        return self.query(Plot)  # type: ignore[no-any-return]

    def look(self, view: View) -> None:
        """Look at the curves in another way."""
        self.view = view
        for plot in self.plots():
            plot.look(view)

    def action_log_axis(self) -> None:
        self.look(replace(self.view, log=not self.view.log))

    def action_smooth(self) -> None:
        at = SMOOTHING.index(self.view.smooth) + 1
        self.look(replace(self.view, smooth=SMOOTHING[at % len(SMOOTHING)]))

    def action_zoom(self, times: float) -> None:
        self.look(self.view.zoomed(times))

    def action_pan(self, share: float) -> None:
        self.look(self.view.moved(share))


def names_of(points: Iterable[MetricPoint]) -> list[str]:
    """The names that have a curve (two points or more of one split), loss first."""
    counts: dict[tuple[str, str], int] = {}
    for point in points:
        counts[point.split, point.name] = counts.get((point.split, point.name), 0) + 1
    names = dict.fromkeys(name for (_, name), count in counts.items() if count > 1)
    return sorted(names, key=lambda name: name != "loss")


def series_of(points: Sequence[MetricPoint], name: str) -> list[Series]:
    """A curve for each split in which `name` was measured, thinned for drawing."""
    curves: dict[str, list[tuple[float, float]]] = {}
    for point in points:
        if point.name == name:
            curves.setdefault(point.split, []).append((point.step, point.value))
    return [Series(split, thinned(sorted(curve))) for split, curve in curves.items()]
