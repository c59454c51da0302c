"""Who uses a VF: claims, releases, and the audit, on a real ZooKeeper."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import pytest

from pvc_cli.cluster.sriov import claims
from pvc_cli.cluster.sriov.audit import audit, repair
from pvc_cli.cluster.sriov.model import VfRef, find_vfs
from pvc_cli.cluster.vms.query import VmRef
from pvc_cli.sandbox import domain_xml
from pvc_cli.zk import ZKHandler
from pvc_cli.zk.live import LiveStore
from pvc_cli.zk.store import Op, ReplacedError
from tests.conftest import Pvc, Tree
from tests.integration.driven import Driven

VFS = "/nodes/pvchv1/sriov/vf"
FREE = f"{VFS}/ens1f0v1"
CLAIMS = 64
ROUNDS = 20
ROUNDS_OF_ANY = 5


HOSTDEV = "<interface type='hostdev'><mac address='{mac}'/><sriov_device>{vf}</sriov_device></interface>"
DIRECT = "<interface type='direct'><mac address='{mac}'/><source dev='{vf}' mode='passthrough'/></interface>"


def use(
    tree: Tree, vm: str, vf: str, *, node: str = "", interface: str = HOSTDEV, mac: str = "52:54:00:00:00:01"
) -> str:
    """Give a VM of the demo cluster a VF in its XML, and put it on a node; return its UUID."""
    uuid = tree.uuid(vm)
    xml = domain_xml.render(vm, uuid, "", 1024, 1, bridges=[], volumes=[], vfs=[])
    xml = xml.replace("</devices>", f"{interface.format(vf=vf, mac=mac)}</devices>")
    tree.put(f"/domains/{uuid}/xml", xml.encode())
    if node:
        tree.put(f"/domains/{uuid}/node", node.encode())
    return uuid


def changed(before: dict[str, bytes], after: dict[str, bytes]) -> dict[str, bytes]:
    assert before.keys() == after.keys()
    return {path: value for path, value in after.items() if before[path] != value}


def test_a_claim_is_written_to_the_byte(on_tree: Pvc, tree: Tree) -> None:
    uuid = use(tree, "web-01", "ens1f0v1", mac="52:54:00:aa:bb:01")
    before = tree.dump()
    result = on_tree("sriov", "vf", "claim", "pvchv1", "ens1f0v1", "web-01")
    assert (result.code, result.out, result.err) == (0, "", "pvchv1/ens1f0v1: claimed for web-01.\n")
    assert changed(before, tree.dump()) == {
        f"{FREE}/used": b"True",
        f"{FREE}/used_by": uuid.encode(),
        f"{FREE}/mac": b"52:54:00:aa:bb:01",
        f"/domains/{uuid}/migration_method": b"shutdown",
    }
    assert len({tree.client.get(f"{FREE}/{key}")[1].mzxid for key in ("used", "used_by", "mac")}) == 1
    result = on_tree("sriov", "vf", "claim", "pvchv1", "ens1f0v1", uuid.upper())
    assert (result.code, result.err) == (0, "pvchv1/ens1f0v1: unchanged.\n")


def test_a_direct_claim_leaves_migration_alone(on_tree: Pvc, tree: Tree) -> None:
    uuid = use(tree, "web-01", "ens1f0v1", interface=DIRECT, mac="52:54:00:aa:bb:02")
    before = tree.dump()
    assert on_tree("sriov", "vf", "claim", "pvchv1", "ens1f0v1", "web-01").code == 0
    assert set(changed(before, tree.dump())) == {f"{FREE}/used", f"{FREE}/used_by", f"{FREE}/mac"}
    result = on_tree("sriov", "vf", "claim", "pvchv1", "ens1f0v1", "web-01", "--type", "hostdev")
    assert (result.code, result.out) == (1, "")
    assert "the XML of VM web-01 uses ens1f0v1 as direct, not as hostdev: omit --type" in result.err
    assert tree.client.get(f"/domains/{uuid}/migration_method")[0] == b"none"


def test_a_claim_ahead_of_the_xml_takes_what_is_said(on_tree: Pvc, tree: Tree) -> None:
    own = tree.client.get(f"{FREE}/phy_mac")[0]
    result = on_tree("sriov", "vf", "claim", "pvchv1", "ens1f0v1", "web-01")
    assert (result.code, tree.client.get(f"{FREE}/mac")[0]) == (0, own)
    result = on_tree(
        "sriov", "vf", "claim", "pvchv1", "ens1f0v2", "app-01", "--mac", "52:54:00:AA:BB:03", "--type", "hostdev"
    )
    assert result.err == (
        "Warning: VM app-01 is on node 'pvchv2', not on pvchv1\n"
        "Warning: the XML of app-01 does not use ens1f0v2 yet: until it does, 'pvc sriov vf audit' finds it stale\n"
        "pvchv1/ens1f0v2: claimed for app-01.\n"
    )
    assert tree.client.get(f"{VFS}/ens1f0v2/mac")[0] == b"52:54:00:aa:bb:03"
    assert tree.client.get(f"/domains/{tree.uuid('app-01')}/migration_method")[0] == b"shutdown"


@pytest.mark.parametrize("mac", ["", "52:54:00:aa:bb", "01:00:5e:00:00:01", "00:00:00:00:00:00", "5254.00aa.bb03"])
def test_an_address_that_is_none_is_exit_2(on_tree: Pvc, tree: Tree, mac: str) -> None:
    before = tree.dump()
    result = on_tree("sriov", "vf", "claim", "pvchv1", "ens1f0v1", "web-01", "--mac", mac)
    assert (result.code, result.out, tree.dump()) == (2, "", before)
    assert "invalid MAC address" in result.err


def test_a_used_vf_is_refused_and_its_vm_named(on_tree: Pvc, tree: Tree) -> None:
    before = tree.dump()
    result = on_tree("sriov", "vf", "claim", "pvchv1", "ens1f0v0", "web-01")
    assert (result.code, result.out, tree.dump()) == (1, "", before)
    assert result.err == (
        f"Error: VF ens1f0v0 of node pvchv1 is in use by VM nfv-01 ({tree.uuid('nfv-01')}):"
        " choose another with 'pvc sriov vf list pvchv1 --unused'\n"
    )
    tree.put(f"{FREE}/used", b"True")
    result = on_tree("sriov", "vf", "claim", "pvchv1", "ens1f0v1", "web-01")
    assert "is in use by an unknown VM (see 'pvc sriov vf audit')" in result.err
    assert "may match several: give one name" in on_tree("sriov", "vf", "claim", "pvchv1", "ens*", "web-01").err


def test_a_release_undoes_a_claim(on_tree: Pvc, tree: Tree) -> None:
    uuid = use(tree, "web-01", "ens1f0v1")
    before = tree.dump()
    assert on_tree("sriov", "vf", "claim", "pvchv1", "ens1f0v1", "web-01").code == 0
    result = on_tree("sriov", "vf", "release", "pvchv1", "ens1f0v1")
    assert (result.code, result.out) == (1, "")
    assert "which has it in its XML and is in state start there: stop the VM first" in result.err
    tree.put(f"/domains/{uuid}/state", b"stop")
    result = on_tree("sriov", "vf", "release", "pvchv1", "ens1f0v1", "--dry-run", "-o", "json")
    assert {change["path"] for change in json.loads(result.out)["changes"]} == {
        f"{FREE}/used", f"{FREE}/used_by", f"{FREE}/mac"
    }  # fmt: skip
    result = on_tree("sriov", "vf", "release", "pvchv1", "ens1f0v1", "-o", "json")
    (item,) = json.loads(result.out)["items"]
    assert {key: item[key] for key in ("name", "node", "phy", "status")} == {
        "name": "pvchv1/ens1f0v1", "node": "pvchv1", "phy": "ens1f0v1", "status": "changed"
    }  # fmt: skip
    after = changed(before, tree.dump())
    assert after == {f"/domains/{uuid}/migration_method": b"shutdown", f"/domains/{uuid}/state": b"stop"}
    assert on_tree("sriov", "vf", "release", "pvchv1", "ens1f0v1").err == ("pvchv1/ens1f0v1: unchanged.\n")


def test_a_running_vms_vf_is_released_by_force_only(on_tree: Pvc, tree: Tree) -> None:
    assert on_tree("sriov", "vf", "release", "pvchv1", "ens1f0v0").code == 1
    assert on_tree("sriov", "vf", "release", "pvchv1", "ens1f0v0", "--force").code == 0
    assert tree.client.get(f"{VFS}/ens1f0v0/used")[0] == b"False"
    assert tree.client.get(f"{VFS}/ens1f0v0/used_by")[0] == b""
    assert tree.client.get(f"{VFS}/ens1f0v0/mac")[0] == tree.client.get(f"{VFS}/ens1f0v0/phy_mac")[0]


ADDRESS = "<address domain='0x{domain}' bus='0x{bus}' slot='0x{slot}' function='0x{function}'/>"
BY_ADDRESS = "<hostdev mode='subsystem' type='pci'><source>{vf}</source></hostdev>"
NIC_BY_ADDRESS = "<interface type='hostdev'><mac address='{mac}'/><source>{vf}</source></interface>"


def address_of(tree: Tree, vf: str) -> str:
    parts = ("domain", "bus", "slot", "function")
    return ADDRESS.format(**{part: tree.client.get(f"{vf}/pci/{part}")[0].decode() for part in parts})


@pytest.mark.parametrize("interface", [HOSTDEV, DIRECT, BY_ADDRESS, NIC_BY_ADDRESS])
def test_a_vf_that_a_running_vm_uses_without_a_claim_is_neither_unused_nor_claimed_for_another(
    on_tree: Pvc, tree: Tree, interface: str
) -> None:
    """PVC claims no VF when it defines a VM."""
    named = address_of(tree, FREE) if "<source>" in interface else "ens1f0v1"
    uuid = use(tree, "db-01", named, node="pvchv1", interface=interface)
    before = tree.dump()
    assert "pvchv1/ens1f0v1" not in on_tree("sriov", "vf", "list", "pvchv1", "--unused", "-o", "name").out.split()
    refused = on_tree("sriov", "vf", "claim", "pvchv1", "ens1f0v1", "web-01")
    assert (refused.code, tree.dump() == before) == (1, True)
    assert f"is in use by VM db-01 ({uuid}), which has it in its XML without a claim and is in state" in refused.err
    finding = json.loads(on_tree("sriov", "vf", "audit", "pvchv1", "-o", "json").out)["findings"]
    assert [(f["vf"], f["kind"]) for f in finding] == [("ens1f0v1", "unclaimed")]
    assert on_tree("sriov", "vf", "audit", "pvchv1", "--fix").code == 0
    assert tree.client.get(f"{FREE}/used_by")[0] == uuid.encode()
    assert on_tree("sriov", "vf", "release", "pvchv1", "ens1f0v1").code == 1
    # One that does not run holds nothing.
    tree.put(f"/domains/{uuid}/state", b"stop")
    assert on_tree("sriov", "vf", "release", "pvchv1", "ens1f0v1").code == 0
    assert "pvchv1/ens1f0v1" in on_tree("sriov", "vf", "list", "pvchv1", "--unused", "-o", "name").out.split()
    assert on_tree("sriov", "vf", "claim", "pvchv1", "ens1f0v1", "web-01").code == 0


def test_a_claim_over_another_user_is_forced_only(on_tree: Pvc, tree: Tree) -> None:
    use(tree, "db-01", "ens1f0v1", node="pvchv1")
    assert on_tree("sriov", "vf", "claim", "pvchv1", "ens1f0v1", "web-01", "--force").code == 0
    assert tree.client.get(f"{FREE}/used_by")[0] == tree.uuid("web-01").encode()


def test_where_it_cannot_be_told_who_uses_a_vf_nothing_is_changed(on_tree: Pvc, tree: Tree) -> None:
    uuid = tree.uuid("db-01")
    tree.put(f"/domains/{uuid}/xml", b"<domain><unclosed>")
    tree.put(f"/domains/{uuid}/node", b"pvchv1")
    refused = on_tree("sriov", "vf", "claim", "pvchv1", "ens1f0v1", "web-01")
    assert refused.code == 1
    assert "cannot tell whether VF ens1f0v1 of node pvchv1 is free: the XML of VM db-01" in refused.err
    assert on_tree("sriov", "vf", "claim", "pvchv1", "ens1f0v1", "db-01").code == 0
    refused = on_tree("sriov", "vf", "release", "pvchv1", "ens1f0v1")
    assert refused.code == 1
    assert "whose XML is unreadable, and which is in state start there" in refused.err
    assert on_tree("sriov", "vf", "release", "pvchv1", "ens1f0v1", "--force").code == 0


@pytest.mark.parametrize("state", ["migrate", "migrate-live", "unmigrate"])
def test_the_source_of_a_migration_keeps_its_vf(on_tree: Pvc, tree: Tree, state: str) -> None:
    uuid = use(tree, "web-01", "ens1f0v1", node="pvchv1")
    assert on_tree("sriov", "vf", "claim", "pvchv1", "ens1f0v1", "web-01").code == 0
    for key, value in (("node", "pvchv2"), ("lastnode", "pvchv1"), ("state", state)):
        tree.put(f"/domains/{uuid}/{key}", value.encode())
    assert on_tree("sriov", "vf", "release", "pvchv1", "ens1f0v1").code == 1
    tree.put(f"/domains/{uuid}/state", b"start")
    assert on_tree("sriov", "vf", "release", "pvchv1", "ens1f0v1").code == 0


@pytest.mark.parametrize("xml", [None, b"<domain><unclosed>"])
def test_the_source_of_a_move_keeps_its_vf(on_tree: Pvc, tree: Tree, xml: bytes | None) -> None:
    """PVC does not record where a VM comes from that is moved, and it runs there until it is done."""
    uuid = use(tree, "web-01", "ens1f0v1", node="pvchv1")
    assert on_tree("sriov", "vf", "claim", "pvchv1", "ens1f0v1", "web-01").code == 0
    if xml:
        tree.put(f"/domains/{uuid}/xml", xml)
    for key, value in (("node", "pvchv2"), ("lastnode", ""), ("state", "migrate")):
        tree.put(f"/domains/{uuid}/{key}", value.encode())
    refused = on_tree("sriov", "vf", "release", "pvchv1", "ens1f0v1")
    assert refused.code == 1
    assert "is in state migrate there: stop the VM first, or force the release with --force" in refused.err
    tree.put(f"{FREE}/used", b"False")
    tree.put(f"{FREE}/used_by", b"")
    if xml is None:
        assert on_tree("sriov", "vf", "claim", "pvchv1", "ens1f0v1", "db-01").code == 1
    tree.put(f"/domains/{uuid}/state", b"stop")
    assert on_tree("sriov", "vf", "claim", "pvchv1", "ens1f0v1", "db-01").code == 0


def test_the_audit_releases_no_vf_that_its_vm_may_have_by_address(on_tree: Pvc, tree: Tree) -> None:
    use(tree, "web-01", address_of(tree, FREE), node="pvchv1", interface=BY_ADDRESS)
    assert on_tree("sriov", "vf", "claim", "pvchv1", "ens1f0v1", "web-01").code == 0
    assert kinds(on_tree) == []
    for part in ("domain", "bus", "slot", "function"):
        tree.put(f"{FREE}/pci/{part}", b"")
    assert ("ens1f0v1", "unclear") in kinds(on_tree, "--fix")
    assert tree.client.get(f"{FREE}/used")[0] == b"True"


class Crowd(Driven):
    """Processes that claim one VF at once; see claim_driver."""

    def __init__(self, hosts: str) -> None:
        super().__init__("tests.integration.claim_driver", hosts)

    def claim(self, vf: str, vms: list[str]) -> list[int]:
        """Claim *vf* for each of *vms* at once, and return their exit codes."""
        return [int(code) for code in self.ask(f"{vf} {','.join(vms)}").split()]


def test_of_64_processes_that_claim_any_vf_at_once_each_gets_another(demo: Callable[..., Tree]) -> None:
    tree = demo(vms=CLAIMS)
    vms = sorted(tree.client.get_children("/domains"))
    vfs = [f"/nodes/pvchv1/sriov/vf/{name}" for name in tree.client.get_children("/nodes/pvchv1/sriov/vf")]
    for vf in vfs:
        tree.client.set(f"{vf}/used", b"False")
        tree.client.set(f"{vf}/used_by", b"")
    for vm in vms:
        tree.client.set(f"/domains/{vm}/xml", b"<domain><devices/></domain>")
    crowd = Crowd(tree.hosts)
    try:
        for number in range(ROUNDS_OF_ANY):
            codes = crowd.claim("--any", vms)
            assert sorted(codes) == [0] * len(vfs) + [1] * (CLAIMS - len(vfs)), number
            winners = {vm for vm, code in zip(vms, codes, strict=True) if code == 0}
            assert {tree.client.get(f"{vf}/used_by")[0].decode() for vf in vfs} == winners
            for vf in vfs:
                tree.client.set(f"{vf}/used", b"False")
                tree.client.set(f"{vf}/used_by", b"")
    finally:
        crowd.close()
    print(f"{ROUNDS_OF_ANY} rounds of {CLAIMS} claims of any of {len(vfs)} VFs at once: each got another, or none")


def test_of_many_processes_that_claim_any_vf_for_few_vms_each_vm_gets_one(demo: Callable[..., Tree]) -> None:
    tree = demo(vms=CLAIMS)
    vms = sorted(tree.client.get_children("/domains"))[:4]
    vfs = [f"/nodes/pvchv1/sriov/vf/{name}" for name in tree.client.get_children("/nodes/pvchv1/sriov/vf")]
    for vm in tree.client.get_children("/domains"):
        tree.client.set(f"/domains/{vm}/xml", b"<domain><devices/></domain>")
    crowd = Crowd(tree.hosts)
    try:
        for number in range(ROUNDS_OF_ANY):
            for vf in vfs:
                tree.client.set(f"{vf}/used", b"False")
                tree.client.set(f"{vf}/used_by", b"")
            assert crowd.claim("--any", vms * 8) == [0] * 32, number
            holders = [tree.client.get(f"{vf}/used_by")[0].decode() for vf in vfs]
            assert sorted(filter(None, holders)) == vms, number
    finally:
        crowd.close()
    print(f"{ROUNDS_OF_ANY} rounds of 32 claims of any VF for 4 VMs at once: one for each")


def test_of_64_processes_that_claim_one_vf_at_once_one_wins(demo: Callable[..., Tree]) -> None:
    tree = demo(vms=CLAIMS)
    vms = sorted(tree.client.get_children("/domains"))
    crowd = Crowd(tree.hosts)
    try:
        for number in range(ROUNDS):
            codes = crowd.claim("ens1f0v1", vms)
            assert sorted(codes) == [0] + [1] * (CLAIMS - 1), number
            winner = vms[codes.index(0)]
            assert tree.client.get(f"{FREE}/used_by")[0].decode() == winner
            assert tree.client.get(f"{FREE}/used")[0] == b"True"
            tree.client.set(f"{FREE}/used", b"False")
            tree.client.set(f"{FREE}/used_by", b"")
    finally:
        crowd.close()
    print(f"{ROUNDS} rounds of {CLAIMS} claims at once: one winner each")


def kinds(on_tree: Pvc, *arguments: str) -> list[tuple[str, str]]:
    result = on_tree("sriov", "vf", "audit", *arguments, "-o", "json")
    findings = json.loads(result.out)["findings"]
    assert result.code == (1 if any(not finding["fixed"] for finding in findings) else 0)
    return [(finding["vf"], finding["kind"]) for finding in findings]


def test_a_sound_cluster_has_no_findings(on_tree: Pvc) -> None:
    result = on_tree("sriov", "vf", "audit")
    assert (result.code, result.out, result.err) == (0, "", "All claims agree with what the VMs use.\n")


def test_vfs_that_share_a_mac_address_are_found_wherever_they_are(on_tree: Pvc, tree: Tree) -> None:
    mac = tree.client.get(f"{VFS}/ens1f0v1/mac")[0]
    tree.put("/nodes/pvchv2/sriov/vf/ens1f0v2/mac", mac.upper())
    before = tree.dump()
    assert kinds(on_tree) == [("ens1f0v1", "duplicate"), ("ens1f0v2", "duplicate")]
    assert kinds(on_tree, "pvchv1") == []
    assert on_tree("sriov", "vf", "audit", "-o", "name").out.split() == ["pvchv1/ens1f0v1", "pvchv2/ens1f0v2"]
    assert f"MAC address {mac.decode()}, as pvchv2/ens1f0v2" in on_tree("sriov", "vf", "audit").out
    assert on_tree("sriov", "vf", "audit", "--fix").err.endswith("0 of 2 repaired.\n")
    assert tree.dump() == before


def test_a_vm_that_migrates_may_have_a_vf_on_both_nodes(on_tree: Pvc, tree: Tree) -> None:
    mac = b"52:54:00:12:34:56"
    uuid = use(tree, "app-01", "ens1f0v3")
    tree.put(f"/domains/{uuid}/state", b"migrate")
    for node in ("pvchv1", "pvchv2"):
        vf = f"/nodes/{node}/sriov/vf/ens1f0v3"
        for key, value in (("used", b"True"), ("used_by", uuid.encode()), ("mac", mac)):
            tree.put(f"{vf}/{key}", value)
    assert ("ens1f0v3", "duplicate") not in kinds(on_tree)
    tree.put(f"/domains/{uuid}/state", b"start")
    assert ("ens1f0v3", "duplicate") in kinds(on_tree)


def test_the_audit_names_what_is_wrong_and_repairs_what_is_certain(on_tree: Pvc, tree: Tree) -> None:
    # Stale: its VM is gone; its VM's XML does not use it; its VM is on another node; used_by was left behind.
    tree.put(f"{VFS}/ens1f0v1/used", b"True")
    tree.put(f"{VFS}/ens1f0v1/used_by", b"00000000-0000-0000-0000-000000000000")
    tree.put(f"{VFS}/ens1f0v2/used", b"True")
    tree.put(f"{VFS}/ens1f0v2/used_by", tree.uuid("web-01").encode())
    away = use(tree, "app-01", "ens1f0v3")
    tree.put(f"{VFS}/ens1f0v3/used", b"True")
    tree.put(f"{VFS}/ens1f0v3/used_by", away.encode())
    tree.put(f"{VFS}/ens1f1v0/used_by", tree.uuid("web-01").encode())
    # Unclaimed: app-01 uses the VF of that name on its own node, pvchv2. Missing: lab-01's node has no such VF.
    use(tree, "lab-01", "ens1f0v7", node="pvchv1")
    # Double: two on one node. Unclear: no user recorded; a VM whose XML is broken.
    use(tree, "dns-01", "ens1f1v1", node="pvchv1")
    use(tree, "mail-01", "ens1f1v1", node="pvchv1")
    tree.put(f"{VFS}/ens1f1v2/used", b"True")
    broken = tree.uuid("cache-01")
    tree.put(f"/domains/{broken}/xml", b"<domain>")
    tree.put(f"{VFS}/ens1f1v3/used", b"True")
    tree.put(f"{VFS}/ens1f1v3/used_by", broken.encode())
    before = tree.dump()
    found = [
        ("ens1f0v1", "stale"), ("ens1f0v2", "stale"), ("ens1f0v3", "stale"), ("ens1f0v7", "missing"),
        ("ens1f1v0", "stale"), ("ens1f1v1", "double"), ("ens1f1v2", "unclear"), ("ens1f1v3", "unclear"),
    ]  # fmt: skip
    assert kinds(on_tree, "pvchv1") == found
    assert kinds(on_tree, "pvchv1/ens1f0") == found[:4]
    assert kinds(on_tree, "pvchv1", "ens1f1") == found[4:]
    assert kinds(on_tree) == [*found, ("ens1f0v3", "unclaimed")]
    text = on_tree("sriov", "vf", "audit").out
    for detail in (
        "claimed for 00000000-0000-0000-0000-000000000000, which is not a VM",
        "claimed for web-01, whose XML does not use it",
        "claimed for app-01, which is on node pvchv2",
        "not marked used, but recorded for web-01, whose XML does not use it",
        "used by lab-01, but node pvchv1 has no such VF",
        "used by several VMs: dns-01, mail-01",
        "marked used, but no VM recorded: release it",
        "claimed for cache-01, whose XML is unreadable",
        "used by app-01: not claimed",
    ):
        assert detail in text, text
    shown = on_tree("sriov", "vf", "audit", "--fix", "--dry-run", "-o", "json")
    assert tree.dump() == before
    result = on_tree("sriov", "vf", "audit", "--fix")
    assert (result.code, result.err.splitlines()[-1]) == (1, "5 of 9 repaired.")
    after = changed(before, tree.dump())
    assert after == {change["path"]: change["value"].encode() for change in json.loads(shown.out)["changes"]}
    assert after[f"/domains/{away}/migration_method"] == b"shutdown"
    assert after["/nodes/pvchv2/sriov/vf/ens1f0v3/used_by"] == away.encode()
    assert kinds(on_tree) == [
        ("ens1f0v7", "missing"), ("ens1f1v1", "double"), ("ens1f1v2", "unclear"), ("ens1f1v3", "unclear")
    ]  # fmt: skip


def test_a_vm_that_is_being_migrated_is_left_alone(on_tree: Pvc, tree: Tree) -> None:
    nfv = tree.uuid("nfv-01")
    tree.put(f"/domains/{nfv}/node", b"pvchv2")
    tree.put(f"/domains/{nfv}/state", b"migrate")
    before = tree.dump()
    assert kinds(on_tree, "--fix") == [("ens1f0v0", "unclear"), ("ens1f0v0", "unclear")]
    assert tree.dump() == before
    tree.put(f"/domains/{nfv}/state", b"start")
    assert kinds(on_tree) == [("ens1f0v0", "stale"), ("ens1f0v0", "unclaimed")]
    assert kinds(on_tree, "--fix") == [("ens1f0v0", "stale"), ("ens1f0v0", "unclaimed")]
    assert kinds(on_tree) == []


def test_a_macvtap_device_on_something_else_is_nobodys_business(on_tree: Pvc, tree: Tree) -> None:
    use(tree, "web-01", "ens9", node="pvchv1", interface=DIRECT)
    assert kinds(on_tree) == []
    use(tree, "web-01", "ens1f0v77", node="pvchv1", interface=DIRECT)
    assert kinds(on_tree) == [("ens1f0v77", "missing")]


def test_a_repair_whose_ground_has_changed_is_not_made(zk: ZKHandler, tree: Tree) -> None:
    from pvc_cli.cluster.sriov.claims import claim

    (vf,) = find_vfs(zk, "pvchv1", ["ens1f0v1"])
    web = tree.uuid("web-01")
    claim(zk, vf, VmRef(web, "web-01"))
    (finding,) = audit(zk)
    use(tree, "web-01", "ens1f0v1")
    assert not repair(finding)
    assert tree.client.get(f"{FREE}/used_by")[0].decode() == web
    assert audit(zk) == []


def test_a_vf_that_was_registered_anew_is_not_claimed_over_its_new_owner_in_silence(
    zk: ZKHandler, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deleted and created again, all its znodes have version 0 as before: only their creation tells them apart."""
    top = "/nodes/pvchv1/sriov/vf/ens1f0v1"
    owner = tree.uuid("web-02").encode()
    commit = LiveStore.commit

    def late(store: LiveStore, ops: Sequence[Op]) -> None:
        monkeypatch.setattr(LiveStore, "commit", commit)
        values = tree.dump(top)
        tree.client.delete(top, recursive=True)
        for path in sorted(values):
            tree.client.create(path, {f"{top}/used": b"True", f"{top}/used_by": owner}.get(path, values[path]))
        commit(store, ops)

    monkeypatch.setattr(LiveStore, "commit", late)
    with pytest.raises(ReplacedError, match=rf"{top}/used .*was deleted and created again during the change"):
        claims.claim(zk, VfRef("pvchv1", "ens1f0v1"), VmRef(tree.uuid("web-01"), "web-01"))


def test_a_claim_that_the_vms_xml_does_not_bear_out_is_warned_of(on_tree: Pvc, tree: Tree) -> None:
    use(tree, "web-01", "ens1f0v1", node="pvchv1")
    assert "Warning" not in on_tree("sriov", "vf", "claim", "pvchv1", "ens1f0v1", "web-01").err
    tree.put(f"/domains/{tree.uuid('db-01')}/node", b"pvchv1")
    result = on_tree("sriov", "vf", "claim", "pvchv1", "ens1f0v2", "db-01", "--dry-run")
    assert (
        "Warning: the XML of db-01 does not use ens1f0v2 yet: until it does, 'pvc sriov vf audit' finds it stale"
        in (result.err)
    )
