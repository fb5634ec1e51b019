from fraud_assets.config import names


def test_the_tags_of_runs_are_all_different():
    tags = [value for name, value in vars(names).items() if name.endswith("_TAG")]
    assert len(tags) == len(set(tags)) == 9
    assert all(tag.startswith(("fraud/", "dagster/")) for tag in tags)
