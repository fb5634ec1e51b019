from fraud_assets.intake.partitions import accepted_batches, batches, history


def test_every_batch_is_a_partition_that_is_added_when_it_lands():
    assert batches.name == "batch"
    assert accepted_batches.partitions_def is batches
    assert history.partitions_def is batches


def test_the_history_of_a_batch_depends_on_all_accepted_batches():
    (dependency,) = history.deps
    assert dependency.asset_key == accepted_batches.key
    assert "AllPartitionMapping" in type(dependency.partition_mapping).__name__
