import pytest

from fraud_assets.config import IntakeSettings
from fraud_assets.intake.contract import (
    LABEL,
    MOMENT,
    NAME,
    NUMBER,
    IntakeError,
    draw_contract,
)


@pytest.fixture
def draw(tmp_path, engine):
    def contract_of(text: str, **settings):
        path = tmp_path / "batch.csv"
        path.write_text(text)
        return draw_contract(engine, path, IntakeSettings(**settings))

    return contract_of


def test_the_public_creditcard_layout_is_known(draw):
    columns = ["Time", *(f"V{i}" for i in range(1, 29)), "Amount", "Class"]
    contract = draw(",".join(columns) + "\n" + ",".join(["0"] * 31) + "\n")
    assert (contract.roles.target, contract.roles.timestamp, contract.roles.amount) == (
        "Class",
        "Time",
        "Amount",
    )
    assert not contract.roles.real_time
    assert contract.kinds["V1"] == NUMBER
    assert contract.kinds["Class"] == LABEL
    assert contract.problems == ()


def test_the_handbook_layout_is_known(draw):
    contract = draw(
        "TRANSACTION_ID,TX_DATETIME,CUSTOMER_ID,TERMINAL_ID,TX_AMOUNT,TX_FRAUD\n"
        "1,2018-04-01 00:00:31,596,3156,57.16,0\n"
    )
    assert contract.roles.card == "CUSTOMER_ID"
    assert contract.roles.terminal == "TERMINAL_ID"
    assert contract.roles.transaction_id == "TRANSACTION_ID"
    assert contract.roles.real_time
    assert contract.kinds["TX_DATETIME"] == MOMENT
    assert contract.kinds["CUSTOMER_ID"] == NAME


def test_without_known_names_the_last_column_is_the_target(draw):
    assert draw("a,b,y\n1,2,0\n3,4,1\n").roles.target == "y"


def test_roles_can_be_named(draw):
    contract = draw("y,when,b\n0,2020-01-01,2\n", target="y", timestamp="when")
    assert contract.roles.target == "y"
    assert contract.roles.timestamp == "when"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(draw, delimiter):
    assert draw(f"a{delimiter}y\n1{delimiter}0\n").delimiter == delimiter


def test_a_text_column_is_a_problem_that_names_column_value_and_remedy(draw):
    (problem,) = draw("a,shop,y\n1,bakery,0\n2,butcher,1\n").problems
    assert "batch.csv" in problem
    assert "'shop'" in problem
    assert "'bakery'" in problem
    assert "encode" in problem


def test_a_column_that_says_how_a_fraud_was_made_is_no_problem(draw):
    assert draw("a,TX_FRAUD_SCENARIO,TX_FRAUD\n1,none,0\n2,big,1\n").problems == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "batch.csv: line 1: the file is empty; export it again"),
        ("a,y\n", "batch.csv: line 2: there is a header but no row"),
        ("1,2,0\n3,4,1\n", "line 1: '1' and the other fields are numbers; put a header"),
        ("a,,y\n1,2,0\n", "line 1, column 2: the column name is blank"),
        ("a,days_known,y\n1,2,0\n", "'days_known' is a name that the platform uses"),
        ("a,a,y\n1,2,0\n", "line 1, column 2: 'a' is there twice"),
        ("a,amount\n1,149.62\n2,3.5\n", "column 'amount': no target: '149.62' is neither 0 nor 1"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_place_and_remedy(draw, text, message):
    with pytest.raises(IntakeError, match="batch.csv") as error:
        draw(text)
    assert message in str(error.value)


def test_a_named_column_that_is_not_there_is_refused_with_the_columns_that_are(draw):
    with pytest.raises(IntakeError, match="no column 'label' for the role target.*a, y"):
        draw("a,y\n1,0\n", target="label")


def test_a_binary_file_is_refused(tmp_path, engine):
    path = tmp_path / "batch.csv"
    path.write_bytes(b"\x89PNG\r\n\xff\xfe\x00\n\xff")
    with pytest.raises(IntakeError, match=r"batch\.csv: line 1: not UTF-8"):
        draw_contract(engine, path, IntakeSettings())
