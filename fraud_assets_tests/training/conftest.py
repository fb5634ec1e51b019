import numpy as np
import pandas as pd
import pytest

COLUMNS = list("abcd")


def train_rows(seed, n=600, share=0.15):
    """Rows as `load_rows` gives them: frauds lie higher, some values are missing."""
    generator = np.random.default_rng(seed)
    labels = (generator.random(n) < share).astype(int)
    frame = pd.DataFrame(generator.normal(size=(n, 4)) + 2 * labels[:, None], columns=COLUMNS)
    frame.loc[::7, "a"] = np.nan
    hours = np.arange(n) * 3_600_000_000
    return frame.assign(
        fraud_=labels,
        amount_=generator.random(n) * 100,
        content_key_=generator.permutation(n),
        known_us_=hours,
        label_known_us_=hours + 24 * 3_600_000_000,
    )


@pytest.fixture(scope="session")
def rows():
    return train_rows(0)
