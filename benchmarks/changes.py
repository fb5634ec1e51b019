"""Frames with injected changes, the same for every tool: needs NumPy and pandas alone."""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

CHANGED_SHARE = 0.3
"""Share of the numeric columns that a change of single columns reaches."""
FLIPPED_PAIRS = 3
GROUPS = 10
"""References of which each seed takes one."""
LABEL, CATEGORIES = "fraud", ("channel", "country")
Frame = pd.DataFrame


def mean_shift(frame: Frame, amount: float, rng: np.random.Generator) -> Frame:
    """Add so many standard deviations."""
    columns = _some(frame)
    return frame.assign(**{c: frame[c] + amount * frame[c].std() for c in columns})


def variance(frame: Frame, amount: float, rng: np.random.Generator) -> Frame:
    """Stretch around the mean by a factor."""
    return frame.assign(
        **{c: frame[c].mean() + amount * (frame[c] - frame[c].mean()) for c in _some(frame)}
    )


def tail(frame: Frame, amount: float, rng: np.random.Generator) -> Frame:
    """Move a share of the values four standard deviations outwards."""
    moved = {}
    for c in _some(frame):
        outwards = np.sign(frame[c] - frame[c].median()) * 4 * frame[c].std()
        moved[c] = frame[c] + outwards * (rng.random(len(frame)) < amount)
    return frame.assign(**moved)


def category_swap(frame: Frame, amount: float, rng: np.random.Generator) -> Frame:
    """Give a share of the rows the next category."""
    swapped = {}
    for c in CATEGORIES:
        names = np.array(sorted(frame[c].unique()))
        places = np.searchsorted(names, frame[c].to_numpy().astype(str))
        places = (places + (rng.random(len(frame)) < amount)) % len(names)
        swapped[c] = names[places]
    return frame.assign(**swapped)


def correlation_flip(frame: Frame, amount: float, rng: np.random.Generator) -> Frame:
    """Mirror the ranks of the second column of the most correlated pairs in a share of rows.

    The column keeps its values; only who has which changes.
    """
    numbers = _numbers(frame)
    strength = np.abs(np.triu(frame[numbers].corr(method="spearman").fillna(0).to_numpy(), k=1))
    flipped: dict[str, np.ndarray] = {}
    used: set[int] = set()
    for place in np.argsort(-strength, axis=None):
        i, j = map(int, np.unravel_index(int(place), strength.shape))
        if len(flipped) == FLIPPED_PAIRS:
            break
        if {i, j} & used or strength[i, j] > 0.97:
            continue
        used |= {i, j}
        flipped[numbers[j]] = _mirrored(frame[numbers[j]].to_numpy(), amount, rng)
    return frame.assign(**flipped)


def prevalence(frame: Frame, amount: float, rng: np.random.Generator) -> Frame:
    """Leave the rows as they are: `draw` took frauds so many times as often."""
    return frame


def missing(frame: Frame, amount: float, rng: np.random.Generator) -> Frame:
    """Lose a share of the values."""
    return frame.assign(**{c: frame[c].mask(rng.random(len(frame)) < amount) for c in _some(frame)})


def none(frame: Frame, amount: float, rng: np.random.Generator) -> Frame:
    """Change nothing."""
    return frame


LEVELS: dict[str, tuple[Callable[..., Frame], dict[str, float]]] = {
    "none": (none, {"": 0.0}),
    "mean shift": (mean_shift, {"small": 0.1, "medium": 0.25, "large": 0.5}),
    "variance": (variance, {"small": 1.1, "medium": 1.3, "large": 2.0}),
    "tail": (tail, {"small": 0.005, "medium": 0.02, "large": 0.05}),
    "category swap": (category_swap, {"small": 0.05, "medium": 0.15, "large": 0.4}),
    "correlation flip": (correlation_flip, {"small": 0.2, "medium": 0.5, "large": 1.0}),
    "prevalence": (prevalence, {"small": 1.5, "medium": 3.0, "large": 10.0}),
    "missing": (missing, {"small": 0.01, "medium": 0.05, "large": 0.2}),
}
CELLS = [(change, level) for change, (_, levels) in LEVELS.items() for level in levels]

NULL_SEEDS = 5
"""So many times as many seeds without any change: false alarms are rare."""


def trials(seeds: int) -> Iterator[tuple[int, str, str]]:
    """Yield seed, change and level of every trial of a size."""
    for seed in range(seeds * NULL_SEEDS):
        for change, level in CELLS if seed < seeds else CELLS[:1]:
            yield seed, change, level


def draw(
    pool: Frame, reference_rows: int, rows: int, change: str, level: str, seed: int, group: int
) -> tuple[Frame, Frame]:
    """Return a reference and a batch without a common row, the batch changed.

    The references of a group are the same, so that a tool needs to learn one only once.
    """
    order = np.random.default_rng([group, 1]).permutation(len(pool))
    reference = pool.iloc[order[:reference_rows]].reset_index(drop=True)
    rng = np.random.default_rng([seed, rows])
    apply, levels = LEVELS[change]
    left = order[reference_rows:]
    likely = np.ones(len(left))
    if apply is prevalence:
        likely[pool[LABEL].to_numpy()[left] == 1] = levels[level]
    chosen = rng.choice(left, rows, replace=False, p=likely / likely.sum())
    batch = pool.iloc[chosen].reset_index(drop=True)
    return reference, apply(batch, levels[level], rng).reset_index(drop=True)


def _numbers(frame: Frame) -> list[str]:
    return [c for c in frame.columns if c not in (*CATEGORIES, LABEL)]


def _some(frame: Frame) -> list[str]:
    numbers = _numbers(frame)
    return numbers[:: max(1, round(1 / CHANGED_SHARE))]


def _mirrored(values: np.ndarray, amount: float, rng: np.random.Generator) -> np.ndarray:
    rows = np.flatnonzero(rng.random(len(values)) < amount)
    order = rows[np.argsort(values[rows], kind="stable")]
    mirrored = values.copy()
    mirrored[order] = values[order[::-1]]
    return mirrored
