"""HTML that is escaped by construction."""

from __future__ import annotations

from html import unescape
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from pvc_cli.errors import printable
from pvc_cli.report.html import Html, element, join, table, text
from tests.conftest import examples

HOSTILE = "</td><script>alert('x')</script>\"'&\u202e\x1b\x00\ud800 ü"


class Reader(HTMLParser):
    """What a browser would see: elements with their attributes, and the text."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@given(st.text())
@examples(300)
def test_whatever_a_text_is_it_stays_text_and_an_attribute_stays_one(value: str) -> None:
    page = element("p", value, title=value)
    assert page.isascii()
    found = Reader(page)
    assert found.elements == [("p", {"title": printable(value)})]
    assert found.text == printable(value)


def test_a_hostile_text_is_shown_with_what_it_hides() -> None:
    page = text(HOSTILE)
    assert "<" not in page
    assert '"' not in page
    assert r"\u202e\x1b\x00\ud800 ü" in unescape(page)


def test_an_attribute_may_be_left_out_have_no_value_or_be_called_like_a_word_of_python() -> None:
    page = element("input", class_="a", aria_label="b", hidden=True, title=None, disabled=False)
    assert page == '<input class="a" aria-label="b" hidden>'


def test_only_what_is_safe_is_not_escaped_again() -> None:
    assert element("p", element("b", "<")) == "<p><b>&lt;</b></p>"
    assert join([Html("<br>"), "<"], "&") == "<br>&amp;&lt;"
    assert table(["<"], [[">"]]).count("&") == 2
