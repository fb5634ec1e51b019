"""Texts stay short whatever the data."""

from hypothesis import given
from hypothesis import strategies as st

from fraud_assets.text import fitting_lines, some

END = "\nmore\n"


@given(st.text(alphabet="ab \n"), st.integers(len(END), 60))
def test_what_fits_is_whole_and_what_does_not_ends_with_a_whole_line_and_says_so(text, length):
    fitting = fitting_lines(text, length, END)
    assert len(fitting) <= length
    if len(text) <= length:
        assert fitting == text
    else:
        kept = fitting.removesuffix(END)
        assert kept != fitting
        assert text.startswith(kept)
        assert not kept or kept.endswith("\n")


@given(st.lists(st.sampled_from("abc"), max_size=9), st.integers(1, 9))
def test_names_are_named_up_to_a_number_and_the_rest_is_counted(names, shown):
    told = some(names, shown)
    listed, _, more = told.partition(" and ")
    assert listed == ", ".join(names[:shown])
    assert more == (f"{len(names) - shown} more" if len(names) > shown else "")
