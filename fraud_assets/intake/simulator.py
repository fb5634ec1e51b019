"""Simulated card transactions for a first look, for demonstrations and for tests.

Cards and terminals live on a map; a card pays at the terminals near it, with amounts and
hours of its own. Three patterns of fraud, a third of the frauds each: a stolen number (one
payment far above what the card usually spends, often at night), a skimmed terminal (some
weeks during which most of what it takes is fraud) and a stolen card (a day of frequent, large
payments far from home).
"""

from pathlib import Path
from tempfile import gettempdir

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fraud_assets.config.settings import SimulationSettings, SimulationShape
from fraud_assets.store.locked_duckdb import open_duckdb
from fraud_assets.store.sql import literal

DAY = 86_400
COMPONENTS = 28
SPELL_DAYS = 28


def simulate(settings: SimulationSettings) -> pd.DataFrame:
    """Simulate transactions.

    Parameters
    ----------
    settings : SimulationSettings

    Returns
    -------
    DataFrame of shape (settings.transactions, n_columns)
        In time order. The cards layout has TRANSACTION_ID, TX_DATETIME, CUSTOMER_ID,
        TERMINAL_ID, TX_AMOUNT, TX_FRAUD; the creditcard layout Time, V1 to V28, Amount,
        Class. Exactly `round(transactions * fraud_rate)` rows are frauds.

    Examples
    --------
    >>> frame = simulate(SimulationSettings(transactions=1000, fraud_rate=0.02))
    >>> int(frame["TX_FRAUD"].sum())
    20
    """
    if settings.shape is SimulationShape.creditcard:
        return _simulate_creditcard(settings)
    return _simulate_cards(settings)


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Write a frame as CSV so that the file appears whole, under its name, at once.

    Raises
    ------
    FileExistsError
        When there is a file of that name; it is left as it is.
    """
    if path.exists():
        raise FileExistsError(f"{path} exists and is left as it is; choose another name")
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    with open_duckdb([path.parent], Path(gettempdir()), "1GB") as engine:
        engine.register("frame", frame)
        engine.execute(f"COPY frame TO {literal(part)} (HEADER)")
    part.replace(path)


def _frauds_by_pattern(settings: SimulationSettings) -> list[int]:
    """Return how many frauds each of the three patterns makes: a third, the first the rest."""
    frauds = round(settings.transactions * settings.fraud_rate)
    return [frauds - 2 * (frauds // 3), frauds // 3, frauds // 3]


def _fraud_rows(
    generator: np.random.Generator, candidates: NDArray[np.intp], taken: NDArray[np.bool_], n: int
) -> NDArray[np.intp]:
    """Choose n rows that are not taken, from the candidates as far as they reach."""
    free = candidates[~taken[candidates]]
    chosen = generator.permutation(free)[:n]
    if len(chosen) < n:
        spare = np.setdiff1d(np.flatnonzero(~taken), chosen)
        chosen = np.concatenate([chosen, generator.permutation(spare)[: n - len(chosen)]])
    taken[chosen] = True
    return chosen


def _simulate_cards(settings: SimulationSettings) -> pd.DataFrame:
    generator = np.random.default_rng(settings.seed)
    n = settings.transactions
    cards, terminals = max(20, n // 60), max(20, n // 100)
    homes, places = generator.uniform(0, 100, (cards, 2)), generator.uniform(0, 100, (terminals, 2))
    activity = generator.gamma(2.0, 1.0, cards)
    usual_amount = generator.lognormal(3.4, 0.6, cards)
    usual_hour = generator.normal(14, 2, cards)

    card = generator.choice(cards, n, p=activity / activity.sum())
    hour = generator.normal(usual_hour[card] + 6 * settings.drift, 3.5) % 24
    second = generator.integers(0, settings.days, n) * DAY + (hour * 3600).astype(np.int64)
    amount = generator.gamma(8.0, usual_amount[card] / 8) * (1 + settings.drift)
    terminal = _near_terminals(homes, places)[card, generator.integers(0, 10, n)]

    quota = _frauds_by_pattern(settings)
    taken = np.zeros(n, dtype=bool)
    number = _fraud_rows(generator, np.arange(n), taken, quota[0])
    amount[number] *= generator.uniform(8, 20, len(number))
    night = number[generator.random(len(number)) < 0.5]
    second[night] = second[night] // DAY * DAY + generator.integers(0, 5 * 3600, len(night))

    spells = _rows_in_spells(generator, terminal, second, settings, quota[1])
    skimmed = _fraud_rows(generator, spells, taken, quota[1])
    amount[skimmed] *= generator.uniform(2, 6, len(skimmed))

    spells = _rows_in_spells(generator, card, second, settings, quota[2])
    stolen = _fraud_rows(generator, spells, taken, quota[2])
    burst = generator.integers(0, settings.days, len(usual_hour))[card[stolen]]
    second[stolen] = burst * DAY + generator.integers(0, DAY, len(stolen))
    amount[stolen] *= generator.uniform(3, 9, len(stolen))
    terminal[stolen] = generator.integers(0, terminals, len(stolen))

    order = np.argsort(second, kind="stable")
    start = pd.Timestamp(settings.first_day)
    return pd.DataFrame(
        {
            "TRANSACTION_ID": np.arange(n),
            "TX_DATETIME": start + pd.to_timedelta(second[order], unit="s"),
            "CUSTOMER_ID": card[order],
            "TERMINAL_ID": terminal[order],
            "TX_AMOUNT": np.round(np.clip(amount[order], 0.5, None), 2),
            "TX_FRAUD": taken[order].astype(np.int8),
        }
    )


def _near_terminals(homes: NDArray[np.float64], places: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return ten terminals near each card, of shape (n_cards, 10)."""
    from scipy.spatial import cKDTree

    return np.asarray(cKDTree(places).query(homes, k=10)[1])


def _rows_in_spells(
    generator: np.random.Generator,
    entity: NDArray[np.int64],
    second: NDArray[np.int64],
    settings: SimulationSettings,
    wanted: int,
) -> NDArray[np.intp]:
    """Return rows of randomly chosen entities, each during some days, in about that number."""
    per_entity = np.bincount(entity)
    length = min(SPELL_DAYS, settings.days)
    rows_per_spell = max(1.0, per_entity.mean() * length / settings.days)
    spells = min(len(per_entity), int(np.ceil(1.2 * wanted / rows_per_spell)) + 1)
    start = np.full(len(per_entity), settings.days)
    struck = generator.choice(len(per_entity), spells, replace=False)
    start[struck] = generator.integers(-length // 2, max(1, settings.days - length), spells)
    day = second // DAY
    inside = (day >= start[entity]) & (day < start[entity] + length)
    return np.flatnonzero(inside)


def _simulate_creditcard(settings: SimulationSettings) -> pd.DataFrame:
    generator = np.random.default_rng(settings.seed)
    n = settings.transactions
    spread = np.linspace(1.9, 0.35, COMPONENTS)
    components = generator.standard_t(6, (n, COMPONENTS)) * spread
    components[:, ::2] += settings.drift * spread[::2]
    amount = generator.lognormal(3.1 + settings.drift, 1.5, n)
    taken = np.zeros(n, dtype=bool)
    quota = _frauds_by_pattern(settings)
    shifts = {0: (slice(0, 8), 2.8), 1: (slice(8, 18), -2.4), 2: (slice(3, 14), 2.0)}
    for pattern, (where, shift) in shifts.items():
        rows = _fraud_rows(generator, np.arange(n), taken, quota[pattern])
        strength = generator.uniform(0.4, 1.8, (len(rows), 1)) * shift
        components[rows, where] += strength * spread[where]
        amount[rows] *= generator.uniform(0.5, 4, len(rows))
    frame = pd.DataFrame(
        np.round(components, 6), columns=[f"V{i}" for i in range(1, COMPONENTS + 1)]
    )
    frame.insert(0, "Time", np.sort(generator.integers(0, 2 * DAY, n)).astype(float))
    frame["Amount"] = np.round(amount, 2)
    frame["Class"] = taken.astype(np.int8)
    return frame
