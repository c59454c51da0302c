from __future__ import annotations

import time

from pvc_cli.cluster.vms.changes import changed_lines

OLD = "<domain>\n  <memory>1</memory>\n  <vcpu>2</vcpu>\n</domain>\n"


def test_the_same_xml_has_no_changes() -> None:
    assert changed_lines(OLD, OLD) == ()


def test_what_went_has_a_minus_and_what_came_a_plus() -> None:
    new = OLD.replace("<memory>1", "<memory>4").replace("  <vcpu>2</vcpu>\n", "")
    assert changed_lines(OLD, new) == ("-  <memory>1</memory>", "-  <vcpu>2</vcpu>", "+  <memory>4</memory>")


def test_lines_that_look_like_the_head_of_a_diff_are_kept() -> None:
    assert changed_lines("-- a\n", "++ b\n") == ("--- a", "+++ b")


def test_one_side_may_be_empty() -> None:
    assert changed_lines("", "a\nb") == ("+a", "+b")
    assert changed_lines("a", "") == ("-a",)


def test_xml_of_any_size_is_compared_in_no_time() -> None:
    started = time.monotonic()
    changes = changed_lines("a\n" * 20_000, "b\n" * 20_000)
    assert len(changes) == 40_000
    assert time.monotonic() - started < 5
