import sys

import pytest

from fraud_assets.features.engines import open_engine


def test_spark_that_is_not_installed_is_told_with_the_remedy(engine, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    with (
        pytest.raises(ModuleNotFoundError, match=r"pip install 'fraud_assets\[spark\]'"),
        open_engine("spark://127.0.0.1:7077", engine),
    ):
        pass
