"""Simulate card transactions for demonstrations and tests.

Cards and terminals have places on a map; a card pays at nearby terminals, with typical amounts at
typical hours. There are three fraud patterns, each a third of the frauds: a stolen card number
(one payment far above the card's usual amount, often at night), a skimmed terminal (weeks during
which most of its transactions are fraudulent) and a stolen card (a day of frequent, large payments
far from home).
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
"""Seconds in a day."""
COMPONENTS = 28
"""Anonymous features V1, V2, … of the creditcard layout."""
EPISODE_DAYS = 28
"""Days during which a terminal stays skimmed or a card stolen, at most."""


def simulate(settings: SimulationSettings) -> pd.DataFrame:
    """Simulate transactions.

    Parameters
    ----------
    settings : SimulationSettings
        Layout, number of rows, fraud rate, days, drift and seed.

    Returns
    -------
    DataFrame of shape (settings.transactions, n_columns)
        In order of time. The cards layout has the columns TRANSACTION_ID, TX_DATETIME,
        CUSTOMER_ID, TERMINAL_ID, TX_AMOUNT and TX_FRAUD; the creditcard layout has Time (in
        seconds), V1 to V28, Amount and Class. Exactly `round(transactions * fraud_rate)` rows are
        frauds.

    See Also
    --------
    write_csv : Writes the transactions to a file.

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
    """Write a frame to a CSV file.

    The file is written under a temporary name and then renamed, so that the sensor never sees a
    part of it.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
        Transactions.
    path : Path
        The file to create; its folder is created if necessary.

    Raises
    ------
    FileExistsError
        When the file exists; it is not changed.

    See Also
    --------
    simulate : makes the transactions.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "june.csv")
    ...     write_csv(pd.DataFrame({"amount": [9.5], "fraud": [0]}), path)
    ...     path.read_text().splitlines()
    ['amount,fraud', '9.5,0']
    """
    if path.exists():
        raise FileExistsError(f"{path} exists already and was not changed; choose another name")
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    with open_duckdb([path.parent], Path(gettempdir()), "1GB") as engine:
        engine.register("frame", frame)
        engine.execute(f"COPY frame TO {literal(part)} (HEADER)")
    part.replace(path)


def _frauds_by_pattern(settings: SimulationSettings) -> list[int]:
    """Return the number of frauds of each of the three patterns: a third, plus a remainder."""
    frauds = round(settings.transactions * settings.fraud_rate)
    return [frauds - 2 * (frauds // 3), frauds // 3, frauds // 3]


def _fraud_rows(
    generator: np.random.Generator,
    candidates: NDArray[np.intp],
    is_fraud: NDArray[np.bool_],
    n: int,
) -> NDArray[np.intp]:
    """Choose n rows that are not frauds yet, from the candidates as long as there are enough."""
    free = candidates[~is_fraud[candidates]]
    chosen = generator.permutation(free)[:n]
    if len(chosen) < n:
        spare = np.setdiff1d(np.flatnonzero(~is_fraud), chosen)
        chosen = np.concatenate([chosen, generator.permutation(spare)[: n - len(chosen)]])
    is_fraud[chosen] = True
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
    is_fraud = np.zeros(n, dtype=bool)
    number = _fraud_rows(generator, np.arange(n), is_fraud, quota[0])
    amount[number] *= generator.uniform(8, 20, len(number))
    night = number[generator.random(len(number)) < 0.5]
    second[night] = second[night] // DAY * DAY + generator.integers(0, 5 * 3600, len(night))

    episodes = _rows_in_episodes(generator, terminal, second, settings, quota[1])
    skimmed = _fraud_rows(generator, episodes, is_fraud, quota[1])
    amount[skimmed] *= generator.uniform(2, 6, len(skimmed))

    episodes = _rows_in_episodes(generator, card, second, settings, quota[2])
    stolen = _fraud_rows(generator, episodes, is_fraud, quota[2])
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
            "TX_FRAUD": is_fraud[order].astype(np.int8),
        }
    )


def _near_terminals(homes: NDArray[np.float64], places: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the ten terminals nearest to each card, of shape (n_cards, 10)."""
    from scipy.spatial import cKDTree

    return np.asarray(cKDTree(places).query(homes, k=10)[1])


def _rows_in_episodes(
    generator: np.random.Generator,
    entity: NDArray[np.int64],
    second: NDArray[np.int64],
    settings: SimulationSettings,
    wanted: int,
) -> NDArray[np.intp]:
    """Return about `wanted` rows of random cards or terminals, of a few consecutive days each."""
    per_entity = np.bincount(entity)
    length = min(EPISODE_DAYS, settings.days)
    rows_per_episode = max(1.0, per_entity.mean() * length / settings.days)
    episodes = min(len(per_entity), int(np.ceil(1.2 * wanted / rows_per_episode)) + 1)
    start = np.full(len(per_entity), settings.days)
    struck = generator.choice(len(per_entity), episodes, replace=False)
    start[struck] = generator.integers(-length // 2, max(1, settings.days - length), episodes)
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
    is_fraud = np.zeros(n, dtype=bool)
    quota = _frauds_by_pattern(settings)
    shifts = {0: (slice(0, 8), 2.8), 1: (slice(8, 18), -2.4), 2: (slice(3, 14), 2.0)}
    for pattern, (where, shift) in shifts.items():
        rows = _fraud_rows(generator, np.arange(n), is_fraud, quota[pattern])
        strength = generator.uniform(0.4, 1.8, (len(rows), 1)) * shift
        components[rows, where] += strength * spread[where]
        amount[rows] *= generator.uniform(0.5, 4, len(rows))
    frame = pd.DataFrame(
        np.round(components, 6), columns=[f"V{i}" for i in range(1, COMPONENTS + 1)]
    )
    frame.insert(0, "Time", np.sort(generator.integers(0, 2 * DAY, n)).astype(float))
    frame["Amount"] = np.round(amount, 2)
    frame["Class"] = is_fraud.astype(np.int8)
    return frame
