"""Texts stay short whatever the data, and nothing in them acts where they are read."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from fraud_assets.text import JOINER, escape_markdown, fitting_lines, inert, named, some

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


HOSTILE = [
    "<img src=x onerror=alert(1)>",
    '<a href="http://evil.example">click</a>',
    "<script>alert(1)</script>",
    "<!channel>",
    "<!everyone|all>",
    "<@U024BE7LH>",
    "<http://evil.example|click>",
    "@here @everyone",
    "[click](http://evil.example)",
    "![](http://evil.example/a.png)",
    "[a][b]",
    "www.evil.example",
    "https://evil.example",
    "mailto:a@evil.example",
    "**bold** _so_ ~~gone~~ `code`",
    "a | b",
    "line\nbreak",
    "\n\n# heading",
    "&lt;b&gt;",
    "\\",
    "\u202etxt.exe",
    "$x$",
]
PIECES = st.lists(
    st.sampled_from([*HOSTILE, *"<>[]()!@#:/|*_`~\\&$ \n\t^-+=", "a", "b1", "www.", "://"]),
    max_size=8,
).map("".join)
ACTS = re.compile(r"<[!@#/?a-zA-Z]|@\w|\]\(|!\[|://|www\.|\n|\u202e")


@given(PIECES)
@example("".join(HOSTILE))
def test_an_inert_text_holds_nothing_that_a_reader_acts_on_and_reads_the_same(text):
    made = inert(text)
    assert not ACTS.search(made)
    assert inert(made) == made
    assert made.replace(JOINER, "") == " ".join(text.replace("\u202e", "").split())


@given(st.text(alphabet="aB9 .,;:'\"-_/()%€é=+", max_size=30))
def test_plain_text_stays_as_it_is_but_for_runs_of_blanks(text):
    plain = text.replace("://", "").replace("www.", "")
    assert inert(plain) == " ".join(plain.split())


@given(PIECES)
@example("".join(HOSTILE))
def test_markdown_shows_an_escaped_text_and_nothing_else(text):
    parser = MarkdownIt("gfm-like", {"html": True, "linkify": False})
    escaped = escape_markdown(text)
    page = f"Before {escaped} after\n\n| a | b |\n| --- | --- |\n| {escaped} | x |\n"
    kinds, shown = set(), []
    for block in parser.parse(page):
        kinds.add(block.type)
        for token in block.children or []:
            kinds.add(token.type)
            shown.append(token.content)
    assert kinds <= {
        *("paragraph_open", "paragraph_close", "inline", "text", "text_special", "softbreak"),
        *("table_open", "table_close", "thead_open", "thead_close", "tbody_open", "tbody_close"),
        *("tr_open", "tr_close", "th_open", "th_close", "td_open", "td_close"),
    }
    assert "".join(shown).count(inert(text)) >= 2
    cells = [b.type for b in parser.parse(page)].count("td_open")
    assert cells == 2


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_name_stands_between_quotes_on_one_line_and_never_grows(hostile):
    assert named(hostile) == f"'{inert(hostile)}'"
    long = named(hostile * 100)
    assert len(long) <= 83
    assert long.endswith("…'")
    assert named("TX_AMOUNT") == "'TX_AMOUNT'"
