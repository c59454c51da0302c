"""What VMs look like to Ansible and Prometheus, whatever their names and tags are."""

from __future__ import annotations

from pvc_cli.cluster.vms.inventory import ansible_inventory, host_names, host_variables, prometheus_target
from pvc_cli.cluster.vms.model import VmSummary
from pvc_cli.cluster.vms.query import VmRef


def vm(name: str, *tags: str, uuid: str = "", node: str = "hv1", state: str = "start") -> VmSummary:
    uuid = uuid or f"uuid-of-{name}"
    return VmSummary(uuid, name, None, "no XML", state, node, "", "", "small", None, (), tags)


def groups(*vms: VmSummary) -> dict[str, list[str]]:
    found = ansible_inventory(vms, {vm.uuid: vm.name for vm in vms}, {})
    return {name: group["hosts"] for name, group in found.items() if "hosts" in group}


def test_groups_are_called_by_tag_node_and_state() -> None:
    assert groups(vm("web", "production"), vm("db", "production", node="hv2", state="stop")) == {
        "node_hv1": ["web"],
        "node_hv2": ["db"],
        "state_start": ["web"],
        "state_stop": ["db"],
        "tag_production": ["web", "db"],
    }


def test_a_group_name_has_no_character_that_ansible_refuses_and_no_host_twice() -> None:
    assert groups(vm("web", "a-b", "a b", "été", node="hv-1.x", state="")) == {
        "node_hv_1_x": ["web"],
        "state_unknown": ["web"],
        "tag__t_": ["web"],
        "tag_a_b": ["web"],
    }


def test_a_vm_without_a_node_is_in_no_group_of_nodes() -> None:
    assert list(groups(vm("web", node=""))) == ["state_start"]


def test_a_name_that_is_not_unique_or_could_be_an_option_or_a_pattern_gives_way_to_the_uuid() -> None:
    names = ["web", "web", "-oProxyCommand=x", "a:b", "all*", "db-1.example", "ü"]
    hosts = host_names([VmRef(str(number), name) for number, name in enumerate(names)])
    assert hosts == {"0": "0", "1": "1", "2": "2", "3": "3", "4": "4", "5": "db-1.example", "6": "6"}


def test_what_looks_like_a_template_is_marked_so_that_ansible_evaluates_nothing() -> None:
    variables = host_variables(vm("web", "{{ 7*6 }}", "{%x%}", "{plain}"), {})
    assert variables["pvc_tags"] == [{"__ansible_unsafe": "{{ 7*6 }}"}, {"__ansible_unsafe": "{%x%}"}, "{plain}"]


def test_a_target_has_no_label_that_outlasts_relabelling() -> None:
    labels = prometheus_target(vm("web", "a"), "web", 9100, None)["labels"]
    assert all(name.startswith("__meta_pvc_") for name in labels)
    assert {"name", "uuid", "node", "state", "profile", "address", "tags"} == {
        name.removeprefix("__meta_pvc_") for name in labels
    }


def test_a_target_has_labels_that_are_text_whatever_the_vm_lacks() -> None:
    entry = prometheus_target(vm("web", "a", "b", node=""), "web", 9100, None)
    assert entry["targets"] == ["web:9100"]
    assert all(isinstance(value, str) for value in entry["labels"].values())
    assert entry["labels"]["__meta_pvc_tags"] == ",a,b,"
    assert prometheus_target(vm("db"), "db", 9100, "10.0.0.1")["labels"]["__meta_pvc_tags"] == ""
