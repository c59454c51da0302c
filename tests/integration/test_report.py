"""`pvc report`: one page on everything, looked at with a real Chromium."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from pvc_cli.cluster.overview import read_overview
from pvc_cli.sandbox.trouble import make_trouble
from pvc_cli.zk import ZKHandler
from tests.browser import browse, rows, title
from tests.conftest import Pvc, Tree, round_trips
from tests.report.test_html import Reader
from tests.waiting import fastest

SCRIPT = "<script>document.title='owned'</script>"
IMAGE = "\"'><img src=x onerror=\"document.title='owned'\">"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "report.html"


def report(pvc: Pvc, file: Path, *options: str) -> str:
    result = pvc(*options, "report", "--overwrite", str(file))
    assert (result.code, result.out, result.err) == (0, "", f"Report written to {file}.\n")
    return file.read_text(encoding="ascii")


def test_the_page_has_health_nodes_vms_the_map_faults_and_versions(on_tree: Pvc, tree: Tree, file: Path) -> None:
    with ZKHandler(tree.hosts) as handler:
        make_trouble(handler)
    page = report(on_tree, file)
    shown = Reader(page).text
    for part in ("Problems", "Nodes", "VMs", "SR-IOV", "Faults", "Schema", "ZooKeeper"):
        assert f">{part}</h2>" in page
    assert "the daemon of pvchv3 is in state fenced" in shown
    assert "Node pvchv3 was dead and is now fenced" in shown
    assert "acknowledged 2026-03-01 09:30:00" in shown
    assert "The cluster has version 15" in shown
    assert all(f">{label}</text>" in page for label in ("nfv-01", "ens1f0", "ens1f0v0", "3 free"))
    assert page.count("<svg") == 3
    assert re.search(r'class="odd"/><text[^>]*>ens1f1v3<', page)  # claimed for a VM that does not use it
    assert re.search(r'class="used"/><text[^>]*>ens1f0v0<', page)


def test_a_vm_outside_its_node_limit_is_marked(on_tree: Pvc, tree: Tree, file: Path) -> None:
    tree.put(f"/domains/{tree.uuid('web-01')}/node_limit", b"pvchv2,pvchv3")
    assert on_tree("report", str(file)).code == 0
    assert file.read_text().count('pvchv1 <b class="bad" title="outside its node limit">!</b>') == 1


def test_vms_of_a_dead_node_are_marked(on_tree: Pvc, tree: Tree, file: Path) -> None:
    vms = json.loads(on_tree("vm", "list", "-t", "pvchv2", "-o", "json").out)
    on = [vm for vm in vms if vm["state"] not in ("stop", "disable", "fail")]
    tree.put("/nodes/pvchv2/daemonstate", b"dead")
    assert on_tree("report", str(file)).code == 0
    marked = re.findall(r'(\S+) <b class="bad" title="its node is dead, and it may not run">!</b>', file.read_text())
    assert len(on) > 1
    assert [mark.rpartition(">")[2] for mark in marked] == ["pvchv2"] * len(on)


def test_the_page_loads_nothing(on_tree: Pvc, file: Path) -> None:
    page = report(on_tree, file)
    assert not re.search(
        r"https?:|//|@import|url\(|\bsrc=|\bhref=|<link|<iframe", page.replace("<!DOCTYPE html>", "")
    )
    assert "default-src &#x27;none&#x27;" in page


def test_chromium_runs_the_pages_script_and_finds_a_tag(on_tree: Pvc, file: Path) -> None:
    report(on_tree, file)
    everything = browse(file)
    assert 'class="script"' in everything  # the policy allows exactly this script
    assert len(rows(everything)) == 20
    found = browse(file, fragment="search=STATEFUL+start")
    assert [cells[0] for cells in rows(found)] == ["db-01", "db-02"]
    assert "2 of 20 VMs" in Reader(found).text
    assert rows(browse(file, fragment="search=nobodys")) == []


def test_chromium_sorts_numbers_as_numbers(on_tree: Pvc, file: Path) -> None:
    report(on_tree, file)
    by_memory = browse(file, fragment="sort=Memory")
    sizes = [int(cells[4].removesuffix(" GiB")) for cells in rows(by_memory)]
    assert sizes == sorted(sizes)
    assert sorted(map(str, sizes)) != list(map(str, sizes))  # the control: as text they would stand otherwise
    assert 'aria-sort="ascending"' in by_memory


def test_hostile_names_run_nothing_and_break_nothing(on_tree: Pvc, tree: Tree, file: Path) -> None:
    vm = f"/domains/{tree.uuid('web-01')}"
    tree.put(vm, SCRIPT.encode())
    tree.put(f"{vm}/tags/{IMAGE}", b"x")
    tree.put(f"{vm}/state", IMAGE.encode())
    tree.put(f"{vm}/failedreason", SCRIPT.encode())
    tree.put(f"{vm}/node", IMAGE.encode())
    tree.put("/faults/1c9a4f02/message", SCRIPT.encode())
    tree.put("/faults/1c9a4f02/status", b"new")
    tree.put("/nodes/pvchv2/daemonstate", IMAGE.encode())
    tree.put("/nodes/pvchv1/sriov/vf/ens1f0v1/used", b"True")
    tree.put("/nodes/pvchv1/sriov/vf/ens1f0v1/used_by", SCRIPT.encode())
    tree.put("/nodes/pvchv1/sriov/vf/ens1f0v1/mac", b"\x1b[31m\xe2\x80\xae")
    result = on_tree("report", "--title", f"{SCRIPT}{IMAGE}", str(file))
    assert result.code == 0, result.err
    document = browse(file)
    assert title(document).startswith("PVC cluster &lt;script&gt;")
    elements = Reader(document).elements
    assert sum(name == "script" for name, _ in elements) == 1
    assert not [attributes for _, attributes in elements if "onerror" in attributes or "src" in attributes]
    assert len(rows(document)) == 20
    assert SCRIPT in Reader(document).text
    assert "\u202e" not in document
    # The control: without escaping and policy, the same text does run.
    control = file.with_name("control.html")
    control.write_text(f"<title>mine</title>{SCRIPT}")
    assert title(browse(control)) == "owned"
    policed = file.with_name("policed.html")
    policed.write_text(file.read_text().partition("<style>")[0] + f"<body>{SCRIPT}")
    assert title(browse(policed)) != "owned"


def test_a_phone_scrolls_no_page_sideways_and_paper_has_pages(on_tree: Pvc, file: Path) -> None:
    page = report(on_tree, file)
    assert 'name="viewport"' in page
    measuring = "<script>document.title = `${innerWidth} ${document.documentElement.scrollWidth}`</script></body>"
    measured = file.with_name("measured.html")
    unpoliced = re.sub(r"<meta http-equiv=[^>]*>", "", page)
    measured.write_text(unpoliced.replace("</body>", measuring))
    width, needed = title(browse(measured, "--window-size=400,800")).split()
    assert int(needed) <= int(width) <= 500
    pdf = file.with_name("report.pdf")
    browse(file, f"--print-to-pdf={pdf}")
    assert len(re.findall(rb"/Type\s*/Page\b", pdf.read_bytes())) > 1


def test_two_thousand_vms_stay_usable(pvc: Pvc, demo: Callable[..., Tree], file: Path) -> None:
    tree = demo(2000)
    page = report(pvc, file, "--coordinators", tree.hosts)
    assert len(page) < 2_000_000
    assert len(rows(browse(file, fragment="search=stateful&sort=Name"))) == 200
    assert fastest(lambda: browse(file, fragment="sort=Tags"), 10) < 10
    with ZKHandler(tree.hosts) as handler:
        read_overview(handler)
        first = round_trips(handler)
        read_overview(handler)
        assert round_trips(handler) - first < 150


def test_a_file_is_replaced_only_on_request_and_keeps_its_mode(on_tree: Pvc, file: Path) -> None:
    report(on_tree, file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.chmod(0o644)
    before = file.read_text()
    result = on_tree("report", str(file))
    assert (result.code, result.out) == (1, "")
    assert result.err == f"Error: {file} exists: choose another file, or replace it with --overwrite\n"
    assert file.read_text() == before
    report(on_tree, file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o644


def test_a_file_that_cannot_be_written_is_one_line(on_tree: Pvc, tmp_path: Path) -> None:
    result = on_tree("report", str(tmp_path / "nowhere" / "report.html"))
    assert (result.code, result.out) == (3, "")
    if os.getuid():
        tmp_path.chmod(0o500)
        result = on_tree("report", str(tmp_path / "report.html"))
        assert (result.code, result.err.count("\n")) == (3, 1)


def test_a_dash_is_standard_output(on_tree: Pvc) -> None:
    result = on_tree("report", "-")
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("<!DOCTYPE html>")
    assert result.out.endswith("</html>\n")


def test_the_page_says_which_cluster_it_is(pvc: Pvc, tree: Tree, file: Path) -> None:
    assert f"<title>PVC cluster {tree.hosts}</title>" in report(pvc, file, "--coordinators", tree.hosts)
    assert pvc("connection", "add", "prod", tree.hosts).code == 0
    assert "<title>PVC cluster prod</title>" in report(pvc, file, "-c", "prod")


@pytest.mark.parametrize("version", [0, 2, 10])
def test_an_old_cluster_has_a_page_without_what_its_schema_lacks(
    pvc: Pvc, demo: Callable[..., Tree], file: Path, version: int
) -> None:
    page = report(pvc, file, "--coordinators", demo(version=version).hosts)
    assert ("<svg" in page) == (version >= 1)
    assert ">Faults</h2>" not in page


def test_an_empty_tree_and_a_backup_have_a_page(pvc: Pvc, empty: Tree, on_tree: Pvc, file: Path) -> None:
    backup = file.with_name("backup.json")
    assert on_tree("cluster", "backup", str(backup)).code == 0
    page = report(pvc, file, "-c", f"file:{backup}")
    assert "ZooKeeper</h2>" not in page
    assert "web-01" in page


def test_an_empty_cluster_has_a_page(pvc: Pvc, empty: Tree, file: Path) -> None:
    page = report(pvc, file, "--coordinators", empty.hosts)
    assert "there are no nodes" in page
