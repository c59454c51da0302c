from __future__ import annotations

import json

import pytest

from pvc_cli.cluster.vms.stats import DISK_COUNTERS, NO_STATS, counters, parse_stats

ZEROS = dict.fromkeys(DISK_COUNTERS, 0)
BROKEN = [
    None, "", "{", "null", "7", "[]", '"text"', "[" * 100_000, '{"mem_stats": [], "cpu_stats": "x"}',
    '{"disk_stats": {"name": "a"}, "net_stats": 7}', '{"disk_stats": [7, [], {}, {"name": 7}, {"name": null}]}',
    '{"mem_stats": {"a": NaN, "b": 1e999, "c": true, "d": null, "e": [1]}}',
]  # fmt: skip


@pytest.mark.parametrize("text", BROKEN)
def test_broken_statistics_are_none(text: str | None) -> None:
    assert parse_stats(text) == NO_STATS


def test_what_is_whole_in_broken_statistics_is_kept() -> None:
    stats = parse_stats('{"mem_stats": {"actual": 1, "rss": "much"}, "disk_stats": [7, {"name": "a", "rd_req": 5}]}')
    assert stats.memory == {"actual": 1}
    assert stats.disks == {"a": [ZEROS | {"rd_req": 5}]}


def test_each_device_has_the_counters_of_its_name() -> None:
    stats = parse_stats(json.dumps({"disk_stats": [{"name": "b", "rd_req": 2}, {"name": "a", "rd_req": 1}]}))
    found = [numbers["rd_req"] for numbers in counters(["a", "b", "c", None], stats.disks, DISK_COUNTERS)]
    assert found == [1, 2, 0, 0]


def test_devices_of_one_name_do_not_share_their_counters() -> None:
    stats = parse_stats(json.dumps({"net_stats": [{"bridge": "vmbr1", "rd_bytes": n} for n in (10, 20)]}))
    found = [numbers["rd_bytes"] for numbers in counters(["vmbr1"] * 3, stats.networks, ["rd_bytes"])]
    assert found == [10, 20, 0]
