import json
from typing import ClassVar

import pytest

from fraud_assets.records.base import Record, Report, to_json


class Thing(Record):
    RETIRED: ClassVar[frozenset[str]] = frozenset({"colour"})

    size: int


class Answer(Report):
    """A report of two classes."""

    ASSET: ClassVar[str] = "answer"

    @classmethod
    def variant_of(cls, value):
        if cls is not Answer:
            return cls
        return Yes if "because" in value else No


class Yes(Answer):
    because: str


class No(Answer):
    count: int


def test_the_same_record_is_the_same_text_and_read_back_equal():
    thing = Thing(size=3)
    assert thing.to_json() == '{\n  "record_version": 1,\n  "size": 3\n}\n'
    assert Thing.from_json(thing.to_json(), "thing.json") == thing


def test_keys_of_earlier_releases_are_dropped():
    assert Thing.from_json('{"size": 3, "colour": "red"}', "thing.json") == Thing(size=3)


@pytest.mark.parametrize(
    ("content", "key"), [('{"size": "a 4111"}', "size"), ('{"size": 1, "card": "4111"}', "card")]
)
def test_a_wrong_file_is_named_with_the_key_and_without_the_value(content, key):
    with pytest.raises(ValueError, match=f"thing.json is not a Thing .*'{key}'") as error:
        Thing.from_json(content, "thing.json")
    assert "4111" not in str(error.value)


@pytest.mark.parametrize("answer", [Yes(batch="june", because="so"), No(batch="june", count=2)])
def test_a_report_is_read_as_the_class_that_its_keys_say(answer):
    assert Answer.from_json(answer.to_json(), "answer.json") == answer
    assert type(answer).from_json(answer.to_json(), "answer.json") == answer


def test_a_fault_in_a_variant_is_named_by_its_key():
    with pytest.raises(ValueError, match="answer.json is not an? .*'count'"):
        Answer.from_json(json.dumps({"batch": "june", "count": "many"}), "answer.json")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_json_cannot_hold_is_refused(value):
    with pytest.raises(ValueError, match="JSON"):
        to_json(value)
