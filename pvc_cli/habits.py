"""What people who come from other tools, or from PVC's own client, type; and what pvc calls it."""

from collections.abc import Collection, Mapping
from typing import Literal

Kind = Literal["command", "option", "state"]


def _each(rows: Mapping[str, str]) -> dict[str, list[str]]:
    """Return what each word means; a row has words of one meaning, and names for it, the best first."""
    return {word: names.split(", ") for words, names in rows.items() for word in words.split()}


MEANT: dict[Kind, dict[str, list[str]]] = {
    "command": _each(
        {
            "acknowledge clear close resolve": "ack, fault ack",
            "ack": "fault ack",
            "acknowledge-all ack-all": "ack --all, fault ack --all",
            "activate undrain uncordon unflush": "ready, node ready",
            "alarm alarms alert alerts event events": "fault",
            "assign attach": "claim",
            "boot on poweron run up": "start, vm start",
            "ceph": "storage",
            "check doctor health": "status, validate, test, list",
            "compare": "diff",
            "config context login profile remote": "connection",
            "configure edit modify update": "set",
            "console journal tail": "log",
            "create new save": "add",
            "default select switch": "use",
            "del delete drop erase remove": "remove, delete",
            "delete-all": "delete --all",
            "demote": "secondary",
            "describe info show state status": "info, show, status, list",
            "destroy": "remove, delete, stop",
            "detach free unassign": "release",
            "domain guest instance machine virsh": "vm",
            "down halt off poweroff": "shutdown, stop",
            "downgrade": "rollback",
            "drain evacuate": "flush, migrate",
            "dumpxml xml": "dump",
            "evict live-migrate": "migrate",
            "export": "backup",
            "failover leader promote": "primary",
            "filter find grep query search top watch": "list",
            "host hosts hypervisor hypervisors": "node",
            "import load": "restore",
            "kill terminate": "stop",
            "label labels": "tag",
            "metadata": "meta",
            "migrate": "upgrade, vm migrate",
            "ready": "node ready",
            "reboot reset": "restart, vm restart",
            "relocate": "move, vm move",
            "restart": "vm restart",
            "revert": "undo",
            "set": "add",
            "start": "vm start",
            "znode": "key",
        }
    ),
    "option": _each(
        {
            "--check --noop --preview --simulate --what-if": "--dry-run",
            "--cluster --context --profile": "--connection",
            "--continuous --follow -w": "--watch",
            "--csv": "-o csv",
            "--debug -d": "--verbose",
            "--fields": "--columns",
            "--filter --grep --match --pattern --search": "--name",
            "--group-by --count": "--count-by",
            "--host --hypervisor --node --on": "--target, --from",
            "--json -j": "-o json",
            "--label --labels --selector -l": "--tag",
            "--live": "--force-live",
            "--long --wide": "-o wide",
            "--names --raw --short": "-o name",
            "--order --order-by --sort-by": "--sort",
            "--server --servers --zk --zookeeper -z": "--coordinators",
            "--silent": "--quiet",
            "--status": "--state",
            "--tail": "--lines",
            "--to": "--target",
            "--yaml": "-o yaml",
        }
    ),
    "state": _each(
        {
            "active on online run running started up": "start",
            "crashed dead error failed": "fail",
            "disabled": "disable",
            "down halted inactive off poweroff powered-off shut-off shutoff stopped": "stop",
            "migrating": "migrate",
            "rebooting restarting": "restart",
            "shutting-down stopping": "shutdown",
        }
    ),
}

_PVCS = "only PVC's own client does that"
_NOUN_FIRST = "the noun comes first: 'pvc vm list', 'pvc vm info NAME'"
INSTEAD = {
    words: advice
    for group, commands, advice in (
        ("", "describe filter find get grep info list ls ps query search show top watch", _NOUN_FIRST),
        ("", "add create del delete destroy drop edit erase modify new remove rm save set", _NOUN_FIRST),
        ("", "provisioner task", _PVCS),
        ("", "redo", "to redo what was undone, undo the undo: run 'pvc undo ID' with its ID from 'pvc history list'"),
        ("cluster", "fault", "use 'pvc fault'"),
        ("cluster", "init task", _PVCS),
        ("network", "add modify remove", _PVCS),
        ("network acl", "add remove", _PVCS),
        ("network dhcp", "add remove", _PVCS),
        ("node", "cordon", "'pvc node flush' moves its VMs away and keeps new ones off it"),
        (
            "node",
            "maintenance",
            "'pvc cluster maintenance' is for the whole cluster; 'pvc node flush' moves the VMs of one node away",
        ),
        ("storage", "benchmark", _PVCS),
        ("storage osd", "add create-db-vg in out refresh remove replace set unset", _PVCS),
        ("storage pool", "add remove set-pgs", _PVCS),
        ("storage volume", "add clone remove rename resize upload", _PVCS),
        ("storage volume snapshot", "add remove rename rollback", _PVCS),
        ("storage snapshot", "add remove rename rollback", _PVCS),
        ("vm", "add autobackup backup create define delete edit export flush-locks import modify", _PVCS),
        ("vm", "del drop erase new remove rename rm snapshot undefine", _PVCS),
        ("vm", "memory network vcpu volume", "'pvc vm info' shows it, and only PVC's own client changes it"),
        ("vm", "pause resume save suspend", "PVC does not pause VMs"),
    )
    for words in (f"{group} {command}".strip() for command in commands.split())
}
WORDS_OF_OTHERS = frozenset(words.split()[-1] for words in INSTEAD)
"""What is a command of PVC's own client, or of another tool, in one group or another."""

_OF_LISTS = {
    "-a": (_ALL := "a list shows all that no filter leaves out, so drop it"),
    "--all": _ALL,
    "--limit": "a list has no limit: filter it, or pipe it to 'head'",
}


def meant(kind: Kind, word: str, known: Collection[str]) -> list[str]:
    """Return which of the *known* names *word* means to those who have the habit of it: one, or none.

    A command may be one of a group that is known, such as ``vm restart``.
    """
    return [name for name in names_for(kind, word) if name.split()[0] in known][:1]


def names_for(kind: Kind, word: str) -> list[str]:
    """Return the names that *word* may mean to those who have the habit of it, the best first."""
    return MEANT[kind].get(word.lower(), [])


def instead(words: str) -> str:
    """Return what to do instead of a command that there is not, such as ``vm define``; empty if nothing is known."""
    return INSTEAD.get(words, "")


def option_instead(command: str, option: str) -> str:
    """Return what to do instead of an option that *command* does not have; empty if nothing is known."""
    return _OF_LISTS.get(option, "") if command == "list" else ""
