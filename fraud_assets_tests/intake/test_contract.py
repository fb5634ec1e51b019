import pytest

from fraud_assets.config.settings import IntakeSettings
from fraud_assets.intake.contract import Contract, infer_contract
from fraud_assets.intake.csv.decoding import IntakeError, open_csv
from fraud_assets.intake.kinds import LABEL, MOMENT, NAME, NUMBER
from fraud_assets.records.batches import RawTransactions
from fraud_assets_tests import factories


@pytest.fixture
def infer(tmp_path):
    def contract_of(text: str, **settings):
        path = tmp_path / "batch.csv"
        path.write_text(text, newline="")
        with open_csv(path) as source:
            return infer_contract(source, IntakeSettings(**settings))

    return contract_of


def test_the_public_creditcard_layout_is_known(infer):
    columns = ["Time", *(f"V{i}" for i in range(1, 29)), "Amount", "Class"]
    header = ",".join(f'"{name}"' for name in columns)
    contract = infer(header + "\n" + ",".join(["0"] * 30) + ',"0"\n')
    assert (contract.roles.target, contract.roles.timestamp, contract.roles.amount) == (
        "Class",
        "Time",
        "Amount",
    )
    assert not contract.roles.real_time
    assert contract.kinds["V1"] == NUMBER
    assert contract.kinds["Class"] == LABEL
    assert contract.problems == ()


def test_the_handbook_layout_is_known(infer):
    contract = infer(
        "TRANSACTION_ID,TX_DATETIME,CUSTOMER_ID,TERMINAL_ID,TX_AMOUNT,TX_FRAUD\n"
        "1,2018-04-01 00:00:31,596,3156,57.16,0\n"
    )
    assert contract.roles.card == "CUSTOMER_ID"
    assert contract.roles.terminal == "TERMINAL_ID"
    assert contract.roles.transaction_id == "TRANSACTION_ID"
    assert contract.roles.real_time
    assert contract.kinds["TX_DATETIME"] == MOMENT
    assert contract.kinds["CUSTOMER_ID"] == NAME
    assert contract.zoned == frozenset()


def test_without_known_names_the_last_column_is_the_target(infer):
    assert infer("a,b,y\n1,2,0\n3,4,1\n").roles.target == "y"


def test_roles_can_be_named(infer):
    contract = infer("y,when,b\n0,2020-01-01,2\n", target="y", timestamp="when")
    assert contract.roles.target == "y"
    assert contract.roles.timestamp == "when"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_also_beside_others_between_quotes(infer, delimiter):
    assert infer(f'"a;,|b"{delimiter}y\n1{delimiter}0\n').delimiter == delimiter


def test_the_header_may_hold_line_breaks_between_quotes(infer):
    contract = infer('"two\nlines",y\n1,0\n')
    assert list(contract.kinds) == ["two\nlines", "y"]
    assert contract.first_line == 3


def test_a_text_column_is_a_problem_that_names_line_column_and_remedy(infer):
    (problem,) = infer("a,shop,y\n1,2,0\n2,butcher,1\n3,baker,1\n").problems
    assert problem.startswith("batch.csv: line 3, column 'shop': text; models read numbers: encode")


def test_a_column_that_says_how_a_fraud_was_made_is_no_problem(infer):
    assert infer("a,TX_FRAUD_SCENARIO,TX_FRAUD\n1,none,0\n2,big,1\n").problems == ()


def test_a_named_column_that_is_not_there_is_refused_with_one_that_is_like_it(infer):
    with pytest.raises(IntakeError, match="no column 'lable' for the role target; did you mean 'l"):
        infer("a,label\n1,0\n", target="lable")
    with pytest.raises(IntakeError, match="no column 'label' for the role target; correct the"):
        infer("a,y\n1,0\n", target="label")


def test_a_decimal_comma_is_found_when_no_number_has_a_point(infer):
    assert infer("a;y\n1,5;0\n2,25;1\n").decimal == ","
    assert infer("a;b;y\n1,5;1.5;0\n").decimal == "."


def test_a_contract_comes_back_from_its_facts(infer):
    contract = infer("TX_DATETIME;b;A;y\n2026-01-01 00:00:00Z;1,5;2;0\n")
    assert contract.zoned == {"TX_DATETIME"}
    raw = factories.raw_transactions(**contract.to_facts())
    again = Contract.of(RawTransactions.from_json(raw.to_json(), "facts.json"), contract.header)
    assert again == contract
    assert list(again.kinds) == ["TX_DATETIME", "b", "A", "y"]
