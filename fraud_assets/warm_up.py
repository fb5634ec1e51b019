"""Does on import, in the fork server, what the process of each run would otherwise do first.

Saving the first model takes MLflow most of a second, in which it maps installed packages to their
modules; the first figure loads the fonts. It must leave no thread behind and start none of
OpenMP's: a forked process would wait for them forever. So it fits nothing but a constant.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
from sklearn.dummy import DummyClassifier

from fraud_assets.evaluation.plots import new_axes, to_png
from fraud_assets.tracking.model_files import save_model


def warm_up() -> None:
    """Save a model of two rows and draw an empty figure; both are discarded.

    See Also
    --------
    fraud_assets.platform.code_server : imports this module before it starts runs.

    Examples
    --------
    >>> warm_up()
    """
    rows = pd.DataFrame({"amount": [1.0, 2.0]})
    with TemporaryDirectory() as folder:
        save_model(DummyClassifier().fit(rows, [0, 1]), rows, Path(folder) / "model")
    figure, _ = new_axes("title", "x", "y")
    to_png(figure)


warm_up()
