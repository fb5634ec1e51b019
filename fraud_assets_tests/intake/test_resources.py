from fraud_assets.intake.resources import acceptance, earlier_batches


def accept(instance, batch, content="h"):
    instance.report_runless_asset_event(acceptance(batch, content, 1))


def order(instance, batch):
    return [(earlier.batch, earlier.content_hash) for earlier in earlier_batches(instance, batch)]


def test_a_batch_looks_back_on_those_accepted_before_it(instance):
    for batch in ("first", "second", "third"):
        accept(instance, batch)
    assert order(instance, "second") == [("first", "h")]
    assert order(instance, "first") == []
    assert [batch for batch, _ in order(instance, "new")] == ["first", "second", "third"]


def test_a_batch_that_is_accepted_again_keeps_its_place_and_shows_its_last_content(instance):
    accept(instance, "first", "old")
    accept(instance, "second")
    accept(instance, "first", "new")
    assert order(instance, "first") == []
    assert order(instance, "second") == [("first", "new")]


def test_more_batches_than_a_page_are_all_found(instance, monkeypatch):
    monkeypatch.setattr("fraud_assets.intake.resources.PAGE", 3)
    for number in range(8):
        accept(instance, f"b{number}")
    assert [batch for batch, _ in order(instance, "new")] == [f"b{n}" for n in range(8)]
