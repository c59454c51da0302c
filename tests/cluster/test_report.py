"""What the agent reports of itself and its VFs, as text and back."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pvc_cli.cluster.sriov.report import AgentReport, PfReport, Report, VfReport, format_report, parse_report

AGENT = AgentReport("0.1.0", "pvchv1", 4711, 1000.5, 2000.25, 30.0)
FINE = PfReport(wanted=4, present=4, in_sync=4, refused=0, drifted=0, orphaned=0)
REPORT = Report(
    AGENT,
    {"ens1f0": FINE, "ens1f1": PfReport(4, 2, 1, 1, 0, 1, ("could not create 4 VFs",))},
    {
        "ens1f0v0": VfReport("in_sync", 1500.0, {}, {}),
        "ens1f1v0": VfReport("refused", 1600.0, {"tx_rate_min": "Invalid argument (EINVAL)"}, {"tx_rate_min": 0}),
        "ens1f1v3": VfReport("missing", 1700.0, {}, {}),
    },
)


def test_a_report_is_read_as_it_was_written() -> None:
    assert parse_report(format_report(REPORT)) == REPORT


@pytest.mark.parametrize(
    "text", [None, "", "{", "[]", "7", '{"agent": 5}', '{"agent": {}}', '{"pfs": {}}', "NaN", '"' + "x" * 99]
)
def test_what_is_no_report_is_none(text: str | None) -> None:
    assert parse_report(text) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner, max_size=3)
)


@given(
    st.sampled_from(["agent", "pfs", "vfs"]),
    st.sampled_from(["ens1f0", "ens1f1v0", "pid", "problems", "heartbeat"]),
    st.sampled_from(["", "state", "since", "refused", "seen", "wanted", "problems"]),
    JSON,
)
def test_damage_in_any_place_breaks_no_reader(section: str, name: str, field: str, value: object) -> None:
    document = json.loads(format_report(REPORT))
    inner = document[section].get(name)
    if field and isinstance(inner, dict):
        inner[field] = value
    else:
        document[section][name] = value
    report = parse_report(json.dumps(document))
    assert report is not None
    assert parse_report(format_report(report)) == report
    assert isinstance(report.message, str)


def test_a_damaged_vf_is_left_out_and_the_others_stay() -> None:
    document = json.loads(format_report(REPORT))
    document["vfs"]["ens1f0v0"]["state"] = "splendid"
    report = parse_report(json.dumps(document))
    assert report
    assert sorted(report.vfs) == ["ens1f1v0", "ens1f1v3"]


def test_its_message_counts_what_is_wanted_and_names_what_is_wrong() -> None:
    assert REPORT.message == "5 of 8 VFs in sync, 1 settings refused, 1 orphaned; could not create 4 VFs"
    assert Report(AGENT, {"ens1f0": FINE}, {}).message == "4 of 4 VFs in sync, 0 settings refused"


@pytest.mark.parametrize(
    ("pf", "delta"),
    [
        (FINE, 0),
        (PfReport(4, 4, 3, 1, 0, 0), 10),
        (PfReport(4, 4, 3, 0, 1, 0), 10),
        (PfReport(4, 3, 3, 0, 0, 0), 25),
        (PfReport(4, 4, 4, 0, 0, 0, ("the link does not come up",)), 25),
        (PfReport(0, 0, 0, 0, 0, 2), 0),
    ],
)
def test_what_is_wrong_costs_health(pf: PfReport, delta: int) -> None:
    report = Report(AGENT, {"ens1f0": pf}, {})
    assert (report.health_delta, report.healthy) == (delta, delta == 0)


def test_a_heartbeat_that_is_three_intervals_old_is_silence() -> None:
    assert not AGENT.is_silent(2000.25 + 90)
    assert AGENT.is_silent(2000.25 + 91)
