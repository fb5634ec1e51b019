"""Somebody without data: the asset writes a CSV, the sensor goes on from there."""

from fraud_assets_tests.integration.servers import dagster


def test_a_simulated_csv_is_taken_from_the_drop_folder_to_the_verdict(tmp_path):
    with dagster(tmp_path) as stack:
        stack.click_materialize(["simulated_transactions"])
        run = stack.wait_for_run("simulated_cards_0")
        assert run["status"] == "SUCCESS"
        assert len(stack.materializations("published_metrics", "simulated_cards_0")) == 1
