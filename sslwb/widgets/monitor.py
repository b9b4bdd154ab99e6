"""The training monitor: live curves and collapse meters, Stop and Resume. Every lesson that trains."""

from __future__ import annotations

import copy
import html
import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets as W
import numpy as np
import torch
import traitlets as T

from sslwb.show.colours import EMPTY, SIGNED, gradient, rgb
from sslwb.show.curves import running_mean, shares
from sslwb.widgets.live import Live, beside_button, button, row
from sslwb.widgets.pictures import picture

Run = Any  # what `train.start` returns
Measure = Callable[[Any], dict[str, Any]]
UPDATE = 0.25  # seconds between two updates
POINTS = 160  # of a curve, at most


class Monitor(Live):
    """See `monitor`."""

    purpose = "watch the training, stop it and resume it"
    state = T.Unicode()
    status = T.Unicode()

    def __init__(self, run: Run, measure: Measure | None, every: float) -> None:
        self.run, self.measure, self.every = run, measure, every
        self.measured: dict[str, list[tuple[int, float]]] = {}
        self.matrices: dict[str, torch.Tensor] = {}
        self.spectra: dict[str, torch.Tensor] = {}
        self.pictures: dict[str, torch.Tensor] = {}
        self._next = 0.0
        self.stop_button = button("Stop", "stop after this step; the encoder stays usable")
        self.resume_button = button("Resume", "go on from the step where it stopped")
        self._bar = W.IntProgress(max=run.steps, layout={"width": "160px", "height": "18px"})
        self._bar.tooltip = "share of the steps that are done"
        self._line, self._curves = W.HTML(), W.HTML()
        super().__init__([row(self.stop_button, self.resume_button, self._bar, self._line), self._curves])
        self.stop_button.on_click(lambda _: self.stop())
        self.resume_button.on_click(lambda _: self.resume())
        run.watch(self._update, UPDATE)

    def stop(self) -> None:
        """What the button Stop does."""
        self.run.stop()
        self._update(self.run)

    def resume(self) -> None:
        """What the button Resume does: the training goes on in the background."""
        if self.run.state == "stopped":
            self.run.resume()
        self._update(self.run)

    def _update(self, run: Run) -> None:
        state = run.state  # looked at once: the run may end while this shows it
        ended = state != "running"
        if self.measure is not None and ((ended and self.state != state) or time.monotonic() >= self._next):
            self._take_measure(run)
        self._curves.value = self._drawn(run)
        self._bar.value = run.step
        self._bar.bar_style = {"done": "success", "failed": "danger", "stopped": "warning"}.get(state, "")
        self.stop_button.disabled = ended
        self.resume_button.disabled = state != "stopped"
        self.status = _sentence(run)
        mark, kind = {"done": ("✓ ", "right"), "failed": ("✗ ", "wrong")}.get(state, ("", ""))
        self._line.value = beside_button(mark + self.status, kind)
        self.state = state

    def _take_measure(self, run: Run) -> None:
        """On a copy, in evaluation mode: the training's own weights, statistics and mode stay untouched. The copy is
        taken while the training thread works, so it may hold half a step."""
        assert self.measure is not None
        begin = time.monotonic()
        with torch.no_grad():
            values = self.measure(copy.deepcopy(run.method).eval())
        now = time.monotonic()
        for name, value in values.items():
            if isinstance(value, torch.Tensor) and value.ndim == 2:
                self.matrices[name] = value
            elif isinstance(value, torch.Tensor) and value.ndim == 1:
                self.spectra[name] = value
            elif isinstance(value, torch.Tensor) and value.ndim == 4:
                self.pictures[name] = value.detach().cpu()
            else:
                self.measured.setdefault(name, []).append((run.step, float(value)))
        self._next = now + max(self.every, 20 * (now - begin))  # measuring costs the training 5 % at most

    def _drawn(self, run: Run) -> str:
        panels = []
        terms = {name: list(values) for name, values in list(run.history.terms.items())}
        for name, values in terms.items():
            panels.append(curve(name, thinned(values), run.steps, wide=name == "loss"))
        panels += [curve(name, points, run.steps, dots=True) for name, points in self.measured.items()]
        panels += [spectrum_curve(name, spectrum) for name, spectrum in self.spectra.items()]
        panels += [matrix_picture(name, matrix) for name, matrix in self.matrices.items()]
        panels += [in_rows(name, x) for name, x in self.pictures.items()]
        return f'<div class="grid" style="gap:12px 14px;margin-top:6px">{"".join(panels)}</div>'


def monitor(run: Run, measure: Measure | None = None, *, every: float = 2.0) -> Monitor:
    """Watch a training: curves of its losses, meters, how long it still takes; Stop and Resume.

    Args:
        run: what `start` returned.
        measure: a method (a copy of the one in training, in evaluation mode) → named figures, such as
            {"effective rank": …}, spectra (D,), of which the last is drawn as shares, matrices from -1 to 1, which are
            shown as pictures, and pictures (B, C, H, W) themselves. It runs on the notebook's thread at most every
            `every` seconds, and at each end.
        every: seconds between two measurements; more where one takes long.

    Returns:
        A widget; `.state` and `.status` say how the run stands, `.measured` holds (step, value) pairs by name,
        `.matrices`, `.spectra` and `.pictures` the last of each name.
    """
    return Monitor(run, measure, every)


def thinned(values: Sequence[float]) -> list[tuple[float, float]]:
    """(step, value) for at most `POINTS` steps of the running mean that `show.curves` draws, the last one included."""
    mean = running_mean(np.asarray(values, dtype=float))
    steps = np.unique(np.linspace(0, len(mean) - 1, min(len(mean), POINTS)).round().astype(int))
    return [(float(i + 1), float(mean[i])) for i in steps]


def curve(
    name: str,
    points: Sequence[tuple[float, float]],
    steps: int,
    wide: bool = False,
    dots: bool = False,
    unit: str = "steps",
) -> str:
    """One small plot as SVG, in the page's own colours; what is not finite is left out. `steps` is the axis' length."""
    points = [p for p in points if math.isfinite(p[1])]
    w, h, left, top, bottom = (370 if wide else 230), 130, 44, 22, 18
    last = f"{points[-1][1]:.3g}" if points else "…"
    low, high = (min(v for _, v in points), max(v for _, v in points)) if points else (0.0, 1.0)
    pad = 0.05 * (high - low) or max(abs(high) * 0.05, 1e-6)
    # Room at both ends; but values that are never below 0 have no axis below 0.
    low, high = (low - pad if low < 0 else max(0.0, low - pad)), high + pad

    def place(point: tuple[float, float]) -> tuple[float, float]:
        x = left + (w - left - 6) * point[0] / max(1, steps)
        return x, top + (h - top - bottom) * (high - point[1]) / (high - low)

    places = [place(p) for p in points]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    marks = (
        "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="var(--line)"/>' for x, y in places) if dots else ""
    )
    ink = 'fill="var(--quiet)" font-size="11"'
    return (
        f'<svg width="{w}" height="{h}" viewBox="0 0 {w} {h}" role="img" aria-label="{html.escape(name)}, now {last}">'
        f'<text x="{left}" y="13" fill="var(--text)" font-size="12">{html.escape(name)}'
        f' <tspan font-weight="600">{last}</tspan></text>'
        f'<path d="M{left} {top}V{h - bottom}H{w - 6}" fill="none" stroke="var(--edge)"/>'
        f'<text x="{left - 5}" y="{top + 9}" text-anchor="end" {ink}>{_at_axis(high)}</text>'
        f'<text x="{left - 5}" y="{h - bottom}" text-anchor="end" {ink}>{_at_axis(low)}</text>'
        f'<text x="{left}" y="{h - 4}" {ink}>0</text>'
        f'<text x="{w - 6}" y="{h - 4}" text-anchor="end" {ink}>{steps} {unit}</text>'
        f'<polyline points="{line}" fill="none" stroke="var(--line)" stroke-width="1.8" stroke-linejoin="round"/>'
        f"{marks}</svg>"
    )


def _at_axis(value: float) -> str:
    """Three digits, or a power of ten where they would not fit beside the axis."""
    return f"{value:.3g}" if len(f"{value:.3g}") <= 6 else f"{value:.0e}"


def spectrum_curve(name: str, spectrum: torch.Tensor) -> str:
    """The logarithms to base 10 of a spectrum's shares, as `show.spectrum` draws them: a cliff is a collapse."""
    share = np.log10(shares(spectrum)).tolist() if spectrum.sum() > 0 else []
    return curve(f"{name}, log₁₀ of shares", list(enumerate(share)), len(spectrum), unit="directions")


def matrix_picture(name: str, matrix: torch.Tensor, side: int = 150) -> str:
    """A matrix (M, N) from -1 to 1 in the colours of `show.matrix`, as a picture with its name."""
    value = matrix.detach().float().cpu()
    scale = torch.from_numpy(
        np.vstack([gradient(SIGNED, 255), np.array([rgb(EMPTY)], dtype=np.uint8)])
    )  # NaN takes the last
    place = torch.where(value.isnan(), 255, ((value.nan_to_num().clamp(-1, 1) + 1) * 127).round()).long()
    alt = f"{name}: {len(value)} by {value.shape[1]}, mean of the diagonal {value.diagonal().nanmean():.2f}"
    shown = picture(scale[place].permute(2, 0, 1), alt, side)
    return f'<figure><figcaption style="padding:0 0 5px">{html.escape(name)}</figcaption>{shown}</figure>'


def in_rows(name: str, x: torch.Tensor, side: int = 48, columns: int = 8) -> str:
    """Pictures (B, C, H, W), floats in [0, 1] or bytes, such as samples of a generative model, with their name."""
    shown = "".join(picture(one, f"{name}, {i + 1} of {len(x)}", side) for i, one in enumerate(x))
    grid = f'<div class="grid" style="max-width:{columns * (side + 6)}px">{shown}</div>'
    return f'<figure><figcaption style="padding:0 0 5px">{html.escape(name)}</figcaption>{grid}</figure>'


def _sentence(run: Run) -> str:
    where = f"step {run.step} of {run.steps}"
    if run.state == "done":
        return f"Done: {run.steps} steps in {run.history.seconds:.0f} s."
    if run.state == "stopped":
        return f"Stopped at {where}. Resume goes on from here."
    if run.state == "failed":
        return f"Failed at {where}: {run.error}"
    if run.seconds_left is None:
        return "Measuring how long it will take …"
    return f"{where[0].upper()}{where[1:]}, about {_spoken(run.seconds_left)} left."


def _spoken(seconds: float) -> str:
    if seconds < 120:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"
