"""Faults that people met on the command line: each with the line or screen as it was, and as it is.

In a table, *was* and *now* are whole lines: those of the fault must be gone, those of today be there, in this order
and nothing between them. The numbers group faults of a kind. Shells, terminals (tmux) and the ZooKeeper are real.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kazoo.client import KazooClient

from pvc_cli.cluster.vms.model import STATES
from pvc_cli.sandbox.demo import fill
from pvc_cli.sandbox.server import Ensemble
from pvc_cli.zk import ZKHandler, ZKSchema
from tests.conftest import Pvc, Tree
from tests.latency import far_away
from tests.terminal import Terminal, Tmux

ROOT = Path(__file__).parents[2]
PROGRAM = Path(sys.executable).with_name("pvc")
WEB_01 = "6b5299ee-0cbe-57c1-bbca-3fb17f4934f8"
ODD_TAGS = ("08", "1e3", "0o17", "größe")
"""Tags of the VM lab-01."""

_numbers = itertools.count()

PROMPT = "ready> "
SHELLS = {
    "bash": "bash --norc --noprofile -i",
    "zsh": f"PS1='{PROMPT}' zsh -f -i",
    "fish": "fish --no-config -i",
}
SET_UP = {
    "bash": "source {script}",
    "zsh": "autoload -U compinit; compinit -u -D; source {script}",
    "fish": f"set -g fish_autosuggestion_enabled 0; function fish_prompt; echo -n '{PROMPT}'; end; source {{script}}",
}


@pytest.fixture(scope="module")
def cluster(server: Ensemble) -> Iterator[Tree]:
    """The demo cluster of all tests here, which leave it as it is; one VM has odd tags, one VF an odd address."""
    client = KazooClient(server.hosts)
    client.start()
    client.create("/as-it-was")
    client.chroot = "/as-it-was"
    tree = Tree(client, f"{server.hosts}/as-it-was")
    with ZKHandler(tree.hosts) as handler:
        fill(handler, vms=20, schema=ZKSchema())
    for tag in ODD_TAGS:
        give(tree, "lab-01", tag)
    give(tree, "lab-02", "日本語")
    tree.put("/nodes/pvchv3/sriov/vf/ens1f1v3/pci/bus", b"08")
    yield tree
    # A process that takes over tests of another one may set this up again.
    client.chroot = ""
    client.delete("/as-it-was", recursive=True)
    client.stop()
    client.close()


def give(tree: Tree, vm: str, tag: str) -> str:
    path = f"/domains/{tree.uuid(vm)}/tags/{tag}"
    for key, value in (("", tag), ("/type", "user"), ("/protected", "False")):
        tree.put(f"{path}{key}", value.encode())
    return path


@pytest.fixture(scope="module")
def backup(cluster: Tree, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of the cluster."""
    path = tmp_path_factory.mktemp("backup") / "backup.json"
    words = [str(PROGRAM), "--coordinators", cluster.hosts, "cluster", "backup", str(path)]
    subprocess.run(words, check=True, capture_output=True)
    return path


@pytest.fixture
def on_cluster(pvc: Pvc, cluster: Tree, monkeypatch: pytest.MonkeyPatch) -> Pvc:
    """Run pvc on the cluster."""
    monkeypatch.setenv("PVC_COORDINATORS", cluster.hosts)
    return pvc


def has(text: str, lines: str) -> bool:
    """Tell whether *lines* are whole lines of *text*, one after the other."""
    return f"\n{lines}\n" in f"\n{text}\n"


NOT_PLAIN = "is not a plain tag: a shell or a filter could misread {}; choose another name, or use --force-name"
DESTROYING = [
    ("vm tag", "remov", "remove"),
    ("vm", "stpo", "stop"),
    ("vm", "disble", "disable"),
    ("cluster", "restor", "restore"),
    ("cluster backups", "prun", "prune"),
    ("schema", "rolback", "rollback"),
    ("node", "flsh", "flush"),
    ("sriov vf", "relase", "release"),
    ("fault", "delet", "delete"),
]
"""Words that led, or would lead, to a command that destroys or moves something."""

PVCS = "only PVC's own client does that: see 'pvc vm --help'"
NOUN = "the noun comes first: 'pvc vm list', 'pvc vm info NAME': see 'pvc --help'"
HABITS = [
    ("vm", "reboot", "see 'pvc vm --help'", "did you mean 'restart'? See 'pvc vm --help'"),
    ("vm", "status", "did you mean 'start'? See 'pvc vm --help'", "did you mean 'info'? See 'pvc vm --help'"),
    ("vm", "kill", "see 'pvc vm --help'", "did you mean 'stop'? See 'pvc vm --help'"),
    ("vm", "create", "did you mean 'migrate'? See 'pvc vm --help'", PVCS),
    ("vm", "remove", "did you mean 'move'? See 'pvc vm --help'", PVCS),
    ("vm", "rename", "did you mean 'tag rename'? See 'pvc vm --help'", PVCS),
    ("vm tag", "delete", "see 'pvc vm tag --help'", "did you mean 'remove'? See 'pvc vm tag --help'"),
    ("node", "drain", "see 'pvc node --help'", "did you mean 'flush'? See 'pvc node --help'"),
    ("fault", "ack-all", "see 'pvc fault --help'", "did you mean 'ack --all'? See 'pvc fault --help'"),
    ("cluster", "fault", "see 'pvc cluster --help'", "use 'pvc fault': see 'pvc cluster --help'"),
    ("", "reboot", "see 'pvc --help'", "did you mean 'vm restart'? See 'pvc --help'"),
    ("", "logs", "see 'pvc --help'", "did you mean 'node log' or 'vm log'? See 'pvc --help'"),
    ("", "get", "did you mean 'key get'? See 'pvc --help'", NOUN),
]
"""Groups, what people type there from habit, what it led to, and what it leads to."""

LINES = [
    # 1. What a shell would run, split or expand was a tag like any other.
    *(
        (
            f"vm tag add web-01 {shlex.quote(tag)} --dry-run",
            f"web-01: tag '{tag}' would be added.",
            f"Error: '{tag}' {NOT_PLAIN.format(repr(misread))}",
        )
        for tag, misread in (("zz$(date)", "$"), ("zz`date`", "`"), ("zz;date", ";"), ("*", "*"), ("two words", " "))
    ),
    ("vm tag add web-01 '*' --force-name --dry-run", None, "would change web-01: + tag *"),
    # 2. A filter made a tag of a VM.
    (
        "vm tag add web-01 blue -s start --dry-run",
        "Dry run: 36 changed, 0 unchanged, 0 refused.",
        "Error: 'web-01' is a VM, but --all or a filter selects the VMs: drop one of both, or use --force-name if it"
        " is a tag, too",
    ),
    # 3. Of repeated filters the last one counted, and -n inverted all at once.
    ("vm list '^(db|web)-0' -t pvchv1 -t pvchv3 -o name", None, "db-01\ndb-02\nweb-01"),
    ("vm list '^(db|web)-0' -s start -s shutdown -o name", None, "db-01\ndb-02\nweb-01\nweb-02"),
    (
        "vm list '^(db|web)-0' -s start,shutdown -o name",
        "No VM matches; PVC has no state 'start,shutdown': did you mean 'shutdown'?",
        "db-01\ndb-02\nweb-01\nweb-02",
    ),
    (
        "vm list -t pvchv2 -g '!production' -o name",
        "No VM matches; no VM has a tag '!production': did you mean 'production'?",
        "build-01\nlab-01",
    ),
    (
        "vm list ^build -t '!pvchv2' -o name",
        "Error: there is no node '!pvchv2': did you mean 'pvchv2'?",
        "build-02",
    ),
    (
        "vm list ^web -t 'pvchv[12]' -o name",
        "Error: there is no node 'pvchv[12]': did you mean 'pvchv2'?",
        "web-01\nweb-02",
    ),
    (
        "vm list -g 'stag*' -o name",
        "No VM matches; no VM has a tag 'stag*': did you mean 'staging'?",
        "lab-01\nlab-02",
    ),
    # 4. Global options were refused behind the command.
    (
        "vm list ^web -o name --timeout 3 -c file:{backup}",
        "Error: No such option '-c': see 'pvc vm list --help'",
        "web-01\nweb-02",
    ),
    # 5. A backup was changed in place, unasked.
    (
        "-c file:{backup} vm tag add web-01 blue",
        "web-01: tag 'blue' added.",
        "Error: cannot change {backup}: a backup file is read-only without --write: copy it, then rerun as 'pvc"
        " --write -c file:COPY …'",
    ),
    # 6. Names of VFs and PFs of several nodes were dropped, and could not be fed back. A bulk removal was a flood.
    ("sriov vf list -o name", "ens1f0v0\nens1f0v1\nens1f0v2", "pvchv3/ens1f0v0\npvchv3/ens1f0v1\npvchv3/ens1f0v2"),
    ("sriov pf list -o name", "ens1f0\nens1f1", "pvchv2/ens1f0\npvchv2/ens1f1\npvchv3/ens1f0\npvchv3/ens1f1"),
    (
        "sriov vf info pvchv1/ens1f0v0",
        "Error: Missing argument 'VF': see 'pvc sriov vf info --help'",
        "Node:        pvchv1\nVF:          ens1f0v0",
    ),
    (
        "sriov vf claim pvchv1/ens1f0v3 web-01 --dry-run",
        None,
        "would change pvchv1/ens1f0v3: used no -> yes; used_by (none) -> web-01",
    ),
    (
        "sriov pf info pvchv1/ens1f0",
        "Error: Missing argument 'PF': see 'pvc sriov pf info --help'",
        "PF:         ens1f0",
    ),
    (
        "vm tag remove --all frontend --dry-run",
        "Error: app-01: tag 'frontend' refused: the VM does not have it; use --if-exists to skip it",
        "would change 2 VMs: - tag frontend (web-01, web-02)\nDry run: 2 changed, 18 unchanged, 0 refused.",
    ),
    (
        "vm tag remove --all nope",
        "Error: 10 more refused or failed: -o json lists them all",
        "0 changed, 20 unchanged, 0 refused.",
    ),
    (
        "vm tag add --all sriov --dry-run",
        None,
        "Dry run: 19 changed, 0 unchanged, 1 refused.\nError: nfv-01: tag 'sriov' refused: it is a system tag; use"
        " --force to make it a user tag",
    ),
    # 7. A dry run was three lines of paths for each VM.
    (
        "vm tag add --all oops --dry-run",
        f"would create /domains/{WEB_01}/tags/oops = 'oops'",
        "would change 20 VMs: + tag oops (app-01, app-02, build-01, build-02, cache-01, cache-02, db-01, db-02, …;"
        " all: -o name)\nDry run: 20 changed, 0 unchanged, 0 refused.",
    ),
    ("vm tag add app-01 oops --dry-run", "app-01: tag 'oops' would be added.", "would change app-01: + tag oops"),
    (
        "vm tag add web-01 oops --dry-run --paths",
        None,
        f"would create /domains/{WEB_01}/tags/oops = 'oops'\nwould create /domains/{WEB_01}/tags/oops/type = 'user'\n"
        f"would create /domains/{WEB_01}/tags/oops/protected = 'False'",
    ),
    # 8. Numbers were aligned to the left.
    (
        "vm list ^db-01",
        "NAME   STATE  NODE    MIGRATED  VCPUS  MEMORY  NETWORKS  TAGS\n"
        "db-01  start  pvchv3  no        8      16 GiB  1001      production,stateful",
        "NAME   STATE  NODE    VCPUS  MEMORY  NETWORKS  TAGS\n"
        "db-01  start  pvchv3      8  16 GiB  1001      production,stateful",
    ),
    # 9. YAML changed its type in some readers; JSON escaped what a UTF-8 terminal shows.
    ("sriov vf info pvchv3 ens1f1v3 -o yaml", "  bus: 08", "  bus: '08'"),
    *(("vm tag list lab-01 -o yaml", f"- name: {tag}", f"- name: '{tag}'") for tag in ("08", "1e3", "0o17")),
    ("vm tag list lab-01 -o yaml", '- name: "gr\\xF6\\xDFe"', "- name: 'größe'"),
    ("vm tag list lab-01 -f json-pretty", '      "name": "gr\\u00f6\\u00dfe",', '      "name": "größe",'),
    # 10. One pattern meant one thing in a list and another in a change; hints led to one of several ties, or nowhere.
    (
        "vm list 'web-0*' -o name",
        None,
        "Note: 'web-0*' is taken as a regular expression, found anywhere in a name; --name 'web-0*' takes it as a"
        " shell pattern.",
    ),
    (
        "vm list --name 'web-*' -o name",
        "Error: No such option '--name'. Did you mean '--state'? See 'pvc vm list --help'",
        "web-01\nweb-02",
    ),
    ("vm tag add 'web-*' x --dry-run", None, "would change 2 VMs: + tag x (web-01, web-02)"),
    (
        "vm tag add ^web x",
        "Error: there is no VM '^web': did you mean 'web-02'?",
        "Error: '^web' is not a shell pattern that matches a VM: try 'web*'",
    ),
    (
        "vm tag add 'web.*' x",
        "Error: no VM matches 'web.*': see 'pvc vm list'",
        "Error: 'web.*' is not a shell pattern that matches a VM: try '*web*'",
    ),
    (
        "vm list '*web'",
        "Error: invalid regular expression '*web': nothing to repeat at position 0",
        "Error: invalid regular expression '*web': nothing to repeat at position 0; try 'web$';"
        " --name '*web' takes it as a shell pattern",
    ),
    (
        "vm info mail-03",
        "Error: there is no VM 'mail-03': did you mean 'mail-02'?",
        "Error: there is no VM 'mail-03': did you mean 'mail-01' or 'mail-02'?",
    ),
    (
        "vm tag renam a b",
        "Error: No such command 'renam': did you mean 'remove'? See 'pvc vm tag --help'",
        "Error: No such command 'renam': did you mean 'rename'? See 'pvc vm tag --help'",
    ),
    *(
        (
            f"{group} {word}",
            f"Error: No such command '{word}': did you mean '{destroys}'? See 'pvc {group} --help'",
            f"Error: No such command '{word}': see 'pvc {group} --help'",
        )
        for group, word, destroys in DESTROYING
    ),
    ("vms --name 'web-*' -o name", "Error: No such command 'vms': see 'pvc --help'", "web-01\nweb-02"),
    ("vm tags -o name", "Error: No such command 'tags': see 'pvc vm --help'", "production\nsriov\nstaging"),
    ("vms list -o name --name 'web-*'", "Error: No such command 'vms': see 'pvc --help'", "web-01\nweb-02"),
    ("vm tags list web-01 -o name", "Error: No such command 'tags': see 'pvc vm --help'", "production"),
    ("history", "Usage: pvc history [OPTIONS] COMMAND [ARGS]...", "Nothing was changed."),
    (
        "tag list",
        "Error: No such command 'tag': did you mean 'storage'?",
        "Error: No such command 'tag': did you mean 'vm tag'? See 'pvc --help'",
    ),
    ("vm list pvchv1", None, "No VM matches; pvchv1 is a node: -t pvchv1 selects its VMs"),
    ("vm list --min-memory 16G -o name", "'16G' is not a valid number", "db-01\ndb-02"),
    ("inventory --list -s strat", '"ungrouped"', "Error: PVC has no state 'strat': did you mean 'start'?"),
    (
        "vm tag add web-01,web-02 blue -s start --dry-run",
        "',' is not allowed",
        "Error: 'web-01,web-02' means VMs, but --all or a filter selects the VMs: drop one of both",
    ),
    (
        "vm migrate web-01 pvchv3 --dry-run",
        "Error: there is no VM 'pvchv3': see 'pvc vm list'",
        "Error: pvchv3 is a node: -t pvchv3 moves VMs there",
    ),
    ("nodes -o name", "Error: No such command 'nodes': see 'pvc --help'", "pvchv1\npvchv2\npvchv3"),
    (
        "help vm tag",
        "Error: No such command 'help': see 'pvc --help'",
        "Usage: pvc vm tag [OPTIONS] COMMAND [ARGS]...",
    ),
    ("version", "Error: No such command 'version': see 'pvc --help'", "pvc 0.1.0"),
    (
        "vm list --version",
        "Error: No such option '--version'. Did you mean '--sriov'? See 'pvc vm list --help'",
        "pvc 0.1.0",
    ),
    ("schema show --version 3 -o name", "pvc 0.1.0", "tag.name\ntag.type\ntag.protected"),
    ("schema path domain.state web-01", "/domains/web-01/state", f"/domains/{WEB_01}/state"),
    ("schema path domain.state nope", "/domains/nope/state", "Error: there is no VM 'nope': see 'pvc vm list'"),
    (
        "vm list ^mail",
        "NAME     STATE  NODE    MIGRATED     VCPUS  MEMORY  NETWORKS  TAGS",
        "NAME     STATE  NODE                  VCPUS  MEMORY  NETWORKS  TAGS\n"
        "mail-01  start  pvchv1 (from pvchv3)      1   2 GiB  1003      production\n"
        "mail-02  start  pvchv1                    1   2 GiB  1002      production",
    ),
    (
        "node info pvchv1",
        "Memory:      131072 MiB: 35072 used, 96000 free\nVMs' memory: 35840 MiB allocated, 35840 provisioned",
        "Memory:      128 GiB: 34.25 GiB used, 93.75 GiB free\nVMs' memory: 35 GiB allocated, 35 GiB provisioned",
    ),
    (
        "node list --columns name,used,memory",
        "pvchv1  34/128 GiB",
        "NAME      USED   MEMORY\npvchv1  34 GiB  128 GiB\npvchv2  30 GiB  128 GiB\npvchv3  32 GiB  128 GiB",
    ),
    (
        "sriov vf set pvchv1 ens1f0v1 --trust --dry-run",
        "would change pvchv1/ens1f0v1: trust False -> True",
        "would change pvchv1/ens1f0v1: trust off -> on",
    ),
    (
        "vm info web-01 -o yaml",
        "xml: \"<domain type='kvm'>\\n  <name>web-01</name>",
        "xml: |\n  <domain type='kvm'>\n    <name>web-01</name>",
    ),
    (
        "vm tag add 'web-[0-9]+' x",
        "Error: no VM matches 'web-[0-9]+': see 'pvc vm list'",
        "Error: 'web-[0-9]+' is not a shell pattern that matches a VM: try '*web-*'",
    ),
    (
        "-c {backup} vm list",
        None,
        "Error: '{backup}' (from --connection) is a file, not a connection: use it as 'file:{backup}'",
    ),
    (
        "fault ack 1c9a4f02 --dry-run",
        "Dry run: 1c9a4f02: unchanged: acknowledged.",
        "Dry run: 1c9a4f02: unchanged: already acknowledged.",
    ),
    # 12. Some commands took one name where others took several, or no pattern, or no filters.
    *(
        (
            f"{command} {one} {two}{rest}",
            f"Error: Got unexpected extra argument ({two}): see 'pvc {command} --help'",
            now,
        )
        for command, one, two, rest, now in (
            ("vm info", "web-01", "web-02", " -o name", "web-01\nweb-02"),
            ("vm dump", "web-01", "web-02", "", "  <name>web-02</name>"),
            ("node info", "pvchv3", "pvchv1", " -o name", "pvchv3\npvchv1"),
        )
    ),
    ("vm info 'db-*' web-01,web-02 -o name", None, "db-01\ndb-02\nweb-01\nweb-02"),
    (
        "node info 'pvchv[12]' -o name",
        "Error: there is no node 'pvchv[12]': did you mean 'pvchv2'?",
        "pvchv1\npvchv2",
    ),
    (
        "node list 'hv[12]' -o name",
        "Error: Got unexpected extra argument (hv[12]): see 'pvc node list --help'",
        "pvchv1\npvchv2",
    ),
    ("node list nope", "Error: Got unexpected extra argument (nope): see 'pvc node list --help'", "No node matches."),
    (
        "fault list sdb -o name",
        "Error: Got unexpected extra argument (sdb): see 'pvc fault list --help'",
        "1c9a4f02",
    ),
    (
        "vm tag list -t pvchv1 -g frontend,stateful -s start --columns vm,tag",
        "Error: No such option '-t': see 'pvc vm tag list --help'",
        "VM      TAG\ndb-02   production\ndb-02   stateful\nweb-01  frontend\nweb-01  production",
    ),
    (
        "vm list -g frontend,ci -o name",
        "No VM matches; no VM has a tag 'frontend,ci': see 'pvc vm tag list'",
        "build-01\nbuild-02\nweb-01\nweb-02",
    ),
    ("vm list -g frontend,ci -g production -o name", None, "web-01\nweb-02"),
    ("vm list -t pvchv2 -g '!production,!ci' -o name", None, "lab-01"),
    (
        "vm list -g frontend,producton -g ci,stagin",
        None,
        "No VM matches; no VM has a tag 'producton': did you mean 'production'?",
    ),
    ("vm stop -t pvchv1 -s '' --dry-run", None, "Error: --state is empty: give a name, or drop the option"),
    ("vm stop -t pvchv1 -g '!' --dry-run", None, "Error: --tag is empty: give a name, or drop the option"),
    (
        "vm tag rename typo x",
        "Nothing to change: no VM has a tag 'typo': see 'pvc vm tag list'.",
        "Error: no VM has a tag 'typo': see 'pvc vm tag list'",
    ),
    *(
        (
            f"sriov vf {command} pvchv1/ens1f0 {options}",
            "Error: there is no node 'pvchv1/ens1f0': did you mean 'pvchv1'?",
            now,
        )
        for command, options, now in (
            ("audit", "", "All claims agree with what the VMs use."),
            ("export", "", "  vf: ens1f0v3"),
        )
    ),
    (
        "sriov vf export pvchv1 ens1f0,ens1f1v1",
        "Error: node pvchv1 has no VF 'ens1f0': did you mean 'ens1f0v0'?",
        "  vf: ens1f1v1",
    ),
    # 13. A slip was taken for something that changes, or lists, the wrong thing or nothing.
    (
        "vm tag remove --all prodution --dry-run",
        "Dry run: 0 changed, 20 unchanged, 0 refused.",
        "Error: no VM has a tag 'prodution': did you mean 'production'?",
    ),
    ("vm tag remove --all qqqqqq --dry-run", None, "No VM has a tag 'qqqqqq'."),
    (
        "vm tag rename frontend ci --dry-run",
        "Warning: 2 VMs have 'ci' already: afterwards nothing but 'pvc undo' tells them apart",
        "Error: 2 VMs have a tag 'ci' already, and afterwards nothing but 'pvc undo' tells them apart: choose another"
        " name, or use --force to merge 'frontend' into it",
    ),
    *(
        (
            f"vm tag add web-01 web-02{tags} --dry-run",
            "web-01: tag 'web-02' would be added.",
            "Error: 'web-02' is a VM: give several VMs as web-01,web-02, or use --force-name if it is a tag, too",
        )
        for tags in ("", " red")
    ),
    (
        f"vm tag add {WEB_01} red web-02 --dry-run",
        None,
        f"Error: 'web-02' is a VM: give several VMs as {WEB_01},web-02, or use --force-name if it is a tag, too",
    ),
    ("vm tag add web-01 web-02 --force-name --dry-run", None, "would change web-01: + tag web-02"),
    (
        "vm list --mac garbage",
        "No VM matches.",
        "Error: invalid MAC address 'garbage': give one like 52:54:00:12:34:56",
    ),
    *(
        (
            f"{command}{words} -n",
            None,
            "Error: -n inverts filters such as -s STATE and -g TAG: give one, or drop -n:"
            f" see 'pvc {command} --help'",
        )
        for command, words in (("vm list", ""), ("vm list", " web-01"), ("inventory", " --list"))
    ),
    (
        "vm list web-01 web-02",
        "Error: Got unexpected extra argument (web-02): see 'pvc vm list --help'",
        "Error: expected one PATTERN, got 2: use --name web-01,web-02: see 'pvc vm list --help'",
    ),
    ("vm list --name 'web-*' x", "Error: no VM matches 'web-*': see 'pvc vm list'", "No VM matches."),
    # 14. What people type from habit was answered by nothing, or by what it does not mean.
    *(
        (
            f"{group} {word}".strip(),
            f"Error: No such command '{word}': {was}",
            f"Error: No such command '{word}': {now}",
        )
        for group, word, was, now in HABITS
    ),
    *(
        (
            f"vm list {option} x",
            f"Error: No such option '{option}': see 'pvc vm list --help'",
            f"Error: No such option '{option}': did you mean '{meant}'? See 'pvc vm list --help'",
        )
        for option, meant in (("--node", "--target"), ("--json", "-o json"), ("-l", "--tag"))
    ),
    *(
        (
            f"vm list -s {state}",
            f"Error: PVC has no state '{state}': choose from {', '.join(STATES)}",
            f"Error: PVC has no state '{state}': did you mean '{meant}'?",
        )
        for state, meant in (("running", "start"), ("off", "stop"), ("Error", "fail"))
    ),
    ("vm ps -o name --name 'web-*'", "Error: No such command 'ps': see 'pvc vm --help'", "web-01\nweb-02"),
    ("vm describe web-01 -o name", "Error: No such command 'describe': see 'pvc vm --help'", "web-01"),
]


@pytest.mark.parametrize(("typed", "was", "now"), LINES, ids=[line[0][:50] for line in LINES])
def test_a_line(on_cluster: Pvc, backup: Path, typed: str, was: str | None, now: str) -> None:
    before = backup.read_bytes()
    result = on_cluster(*shlex.split(typed.format(backup=backup)))
    said = result.out + result.err
    assert was is None or not has(said, was.format(backup=backup))
    assert has(said, now.format(backup=backup)), said
    assert backup.read_bytes() == before


HOSTILE = {
    "zz$(touch hacked)": (r"zz\$\(touch\ hacked\)", r"zz\$\(touch\ hacked\)"),
    "zz`touch hacked`": (r"zz\`touch\ hacked\`", r"zz`touch\ hacked`"),
    "zz;touch hacked": (r"zz\;touch\ hacked", r"zz\;touch\ hacked"),
    "zz two words": (r"zz\ two\ words", r"zz\ two\ words"),
    "zz*": (r"zz\*", r"zz\*"),
}
"""Tags, and how they are put on the line of bash and zsh, and of fish, where a backtick means nothing."""

COMPLETED = [
    # 1. TAB in bash put on the line what it then ran, split or expanded; zsh and fish are held to the same.
    *(
        (
            shell,
            tag,
            "-g zz",
            {"bash": f"-g {'zzfile' if tag == 'zz*' else tag}"},
            f"-g {quoted[shell == 'fish']}",
            "",
        )
        for shell in SHELLS
        for tag, quoted in HOSTILE.items()
    ),
    # What stands behind a colon or an equals sign was completed as if it stood alone, as an argument, or not at all.
    *(
        (shell, "env:prod", typed, was, now, rest)
        for shell in SHELLS
        for typed, was, now, rest in (
            ("-g env:p", {"bash": "-g env:production"}, "-g env:prod", ""),
            ("--tag=env:p", {"zsh": "env:prod", "fish": "--tag=env:p"}, "--tag=env:prod", ""),
            (
                "-g frontend --target=pvch",
                {
                    "bash": "-g frontend --target=pvch",
                    "zsh": "-g frontend pvchv",
                    "fish": "-g frontend --target=pvch",
                },
                "-g frontend --target=pvchv",
                "1",
            ),
            # Nothing was completed behind a comma or an exclamation mark.
            ("-s start,shutd", dict.fromkeys(SHELLS, "-s start,shutd"), "-s start,shutdown", ""),
            ("-g '!stag", dict.fromkeys(SHELLS, "-g '!stag"), "-g '!staging'", ""),
        )
    ),
]


@pytest.fixture(scope="module")
def shells(cluster: Tree, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], tuple[Tmux, Path]]]:
    """Give each shell, in tmux and with pvc's completion loaded, and its folder, in which there is a file."""
    home = tmp_path_factory.mktemp("shells")
    opened: dict[str, Tmux] = {}

    def opened_once(shell: str) -> tuple[Tmux, Path]:
        folder = home / shell
        if shell not in opened:
            folder.mkdir()
            (folder / "zzfile").touch()
            opened[shell] = screen = Tmux({**environment(cluster), "HOME": str(home)}, columns=100)
            screen.type(f"clear; cd {folder}; {SHELLS[shell]}", "Enter")
            time.sleep(0.5)
            screen.type(SET_UP[shell].format(script=ROOT / "completions" / f"pvc.{shell}"), "Enter")
            screen.type("clear; echo re''ady", "Enter")
            screen.wait_for(f"ready\n{PROMPT.strip()}")
        return opened[shell], folder

    yield opened_once
    for screen in opened.values():
        screen.close()


def environment(cluster: Tree) -> dict[str, str]:
    own = {"PATH": f"{PROGRAM.parent}:{os.environ['PATH']}", "HOME": "/nonexistent", "LANG": "C.UTF-8"}
    common = own | {"PVC_PAGER": "cat", "PVC_COORDINATORS": cluster.hosts}
    return common | {name: value for name, value in os.environ.items() if name.startswith("COVERAGE")}


@pytest.mark.parametrize(("shell", "tag", "typed", "was", "now", "rest"), COMPLETED)
def test_a_completed_line(
    cluster: Tree,
    shells: Callable[[str], tuple[Tmux, Path]],
    shell: str,
    tag: str,
    typed: str,
    was: dict[str, str],
    now: str,
    rest: str,
) -> None:
    screen, folder = shells(shell)
    path = give(cluster, "web-01", tag)
    try:
        line = complete(screen, f"pvc -q vm list -o name {typed}", f"pvc -q vm list -o name {now}")
        assert line != f"pvc -q vm list -o name {was.get(shell)}"
        assert line == f"pvc -q vm list -o name {now}"
        screen.type(f"{rest}", "Enter")
        screen.wait_for("\nweb-01\n")
        assert [file.name for file in folder.iterdir()] == ["zzfile"]
    finally:
        cluster.client.delete(path, recursive=True)


def complete(screen: Tmux, typed: str, expected: str) -> str:
    """Return what the line becomes; on a busy machine completion may give up, and a person presses the key again."""
    line = ""
    for _ in range(5):
        screen.type("C-u", "C-l")
        screen.type("-l", typed)
        screen.type("Tab")
        until = time.monotonic() + 3
        while line != expected and time.monotonic() < until:
            time.sleep(0.05)
            line = next((one for one in reversed(screen.shown()) if one.startswith(PROMPT)), "").removeprefix(PROMPT)
        if line == expected:
            break
    return line


@pytest.fixture(scope="module")
def screens(cluster: Tree, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[int], Tmux]]:
    """Give a terminal of so many columns and 12 lines, with a shell."""
    programs = tmp_path_factory.mktemp("bin")
    (programs / "pvc-cli").symlink_to(PROGRAM)
    variables = environment(cluster)
    variables["PATH"] += f":{programs}"
    opened: dict[int, Tmux] = {}

    def opened_once(columns: int) -> Tmux:
        if columns not in opened:
            opened[columns] = Tmux(variables, columns=columns, lines=12)
        return opened[columns]

    yield opened_once
    for screen in opened.values():
        screen.close()


SCREENS = [
    # 4. Hints named a program that is another one where people call this one pvc-cli.
    (
        "pvc-cli vm info zzz",
        120,
        "Error: there is no VM 'zzz': see 'pvc vm list'",
        "Error: there is no VM 'zzz': see 'pvc-cli vm list'",
    ),
    # 8. At 60 columns lines were wrapped, and later rows cut until all looked alike.
    (
        "pvc vm list ^nfv",
        60,
        "NAME    STATE  NODE    MIGRATED  VCPUS  MEMORY  NETWORKS  TA\nGS",
        "NAME    STATE  NODE    VCPUS  MEMORY  NETWORKS    TAGS\n"
        "nfv-01  start  pvchv1      4   4 GiB  2001,host…  network,p…\n"
        "nfv-02  start  pvchv2      4   4 GiB  1001        network,p…\n"
        "2 VMs",
    ),
    (
        "pvc vm list ^monitor",
        60,
        "monitor…  start  pvchv3  no        2      4 GiB   1002\nproduct…",
        "NAME        STATE  NODE            VCPUS  MEMORY  TAGS\n"
        "monitor-01  start  pvchv3              2   4 GiB  production\n"
        "monitor-02  start  pvchv2 (from …      2   4 GiB  production\n"
        "No room for the column NETWORKS.\n"
        "2 VMs",
    ),
    (
        "pvc node list",
        60,
        "NAME    DAEMON  ROLE      DOMAINS  HEALTH  VMS  LOAD  MEMORY\n    PVC    SCHEMA",
        "NAME    DAEMON  ROLE       DOMAINS  HEALTH  VMS UP  LOAD\n"
        "pvchv1  run     primary    ready     100 %       7  1.25\n"
        "pvchv2  run     secondary  ready     100 %       7  2.25\n"
        "pvchv3  run     secondary  ready     100 %       4  3.25\n"
        "No room for the columns USED, MEMORY, PVC.\n"
        "3 nodes",
    ),
    (
        "pvc vm info web-01",
        60,
        "Network:       2001  52:54:00:6b:52:99  bridge vmbr2001 virt\nio",
        "Network:       2001 52:54:00:6b:52:99 bridge vmbr2001 virtio",
    ),
    (
        "pvc schema show",
        60,
        "All nodes know version 15 and no newer one: the daemons chan\nge nothing.",
        "All nodes know version 15 and no newer one: the daemons\nchange nothing.",
    ),
    # A terminal that does not know its width got cells of 8 characters.
    (
        "stty cols 0; pvc vm list ^nfv-01; stty cols 120",
        120,
        "nfv-01  start  pvchv1  no        4      4 GiB   2001,ho…  network…",
        "nfv-01  start  pvchv1      4   4 GiB  2001,hostdev:ens1f0v0  network,production,sriov",
    ),
    # Wide characters moved what stood behind them; nothing counted the rows.
    (
        "pvc vm list ^lab --columns tags,name,state",
        120,
        "staging,日本語                lab-02  fail",
        "TAGS                       NAME    STATE\n"
        "0o17,1e3,08,größe,staging  lab-01  start\n"
        "staging,日本語             lab-02  fail\n"
        "2 VMs",
    ),
]


@pytest.mark.parametrize(("typed", "columns", "was", "now"), SCREENS, ids=[f"{s[0][:50]} {s[1]}" for s in SCREENS])
def test_a_screen(screens: Callable[[int], Tmux], typed: str, columns: int, was: str, now: str) -> None:
    screen = screens(columns)
    end = f"end {next(_numbers)}"
    screen.type(f"clear; {typed}; echo {end}", "Enter")
    screen.wait_for(f"\n{end}\n")
    shown = "\n".join(screen.shown())
    assert not has(shown, was)
    assert has(shown, now), shown


def test_a_question_names_the_cluster(cluster: Tree, screens: Callable[[int], Tmux]) -> None:
    """4. So that nobody says yes to the wrong one."""
    screen = screens(120)
    screen.type("clear", "Enter")
    screen.type("pvc -q schema rollback --to 14 --force --no-backup", "Enter")
    screen.wait_for("[y/N]:")
    question = "Migrate from schema version 15 to 14? All PVC daemons will restart. [y/N]:"
    assert not has("\n".join(screen.shown()), question)
    assert has("\n".join(screen.shown()), f"{cluster.hosts}: {question}")
    screen.type("n", "Enter")
    screen.wait_for("Error: not confirmed: nothing was changed\n")


def test_the_screen_of_watch(cluster: Tree, screens: Callable[[int], Tmux]) -> None:
    """8. The last column was erased, the header scrolled away, and Ctrl-Z left a screen that nothing drew again."""
    screen = screens(60)
    screen.type("clear", "Enter")
    screen.type("pvc --no-color vm list --watch --sort=-memory", "Enter")
    screen.wait_for("20 VMs")
    lines = [
        "NAME        STATE     NODE        VCPUS  MEMORY  TAGS",
        "db-01       start     pvchv3          8  16 GiB  production…",
    ]
    was_last = "db-01       start    pvchv3    8  16 GiB  1001      product"
    last = ["No room for the column NETWORKS.", "20 VMs"]
    assert was_last not in screen.shown()
    assert (screen.shown()[:2], screen.shown()[-2:], len(screen.shown())) == (lines, last, 12)
    assert screen.on_other_screen()
    screen.type("C-z")
    screen.wait_for("Stopped")
    assert not screen.on_other_screen()
    screen.type("clear; fg", "Enter")
    screen.wait_for("20 VMs")
    assert (screen.shown()[:2], screen.shown()[-2:], len(screen.shown())) == (lines, last, 12)
    assert screen.on_other_screen()
    screen.type("C-c")
    screen.wait_for(PROMPT.strip())
    assert not screen.on_other_screen()


def test_a_dumb_terminal_gets_no_colour(cluster: Tree) -> None:
    """8. It showed the codes as they are."""
    terminal = Terminal([str(PROGRAM), "vm", "list", "^web-01"], environment(cluster) | {"TERM": "dumb"})
    assert terminal.wait_for_end() == 0
    assert not terminal.seen.startswith("\x1b[1mNAME")
    assert terminal.seen.startswith("NAME    STATE  NODE    VCPUS  MEMORY  NETWORKS  TAGS\r\nweb-01  start  pvchv1  ")


def test_watching_as_json_tells_of_every_field(cluster: Tree) -> None:
    """8. There was no new line when a tag's protection, a limit, the profile or the failed reason changed."""
    top = f"/domains/{cluster.uuid('lab-01')}"
    words = [str(PROGRAM), "vm", "list", "^lab-01$", "--watch", "-o", "jsonl"]
    program = subprocess.Popen(words, env=environment(cluster), stdout=subprocess.PIPE, text=True)
    assert program.stdout
    try:
        was = program.stdout.readline()
        for path, value, now in (
            (f"{top}/tags/staging/protected", b"True", '{"name": "staging", "type": "user", "protected": true}'),
            (f"{top}/node_limit", b"pvchv2", '"node_limit": ["pvchv2"]'),
            (f"{top}/profile", b"other", '"profile": "other"'),
            (f"{top}/failedreason", b"no memory", '"failed_reason": "no memory"'),
        ):
            before = cluster.client.get(path)[0]
            cluster.client.set(path, value)
            line = program.stdout.readline()
            assert line != was
            assert now in line
            cluster.client.set(path, before)
            assert program.stdout.readline() == was
    finally:
        program.send_signal(signal.SIGINT)
        assert program.wait(20) == 130
        program.stdout.close()


@pytest.mark.parametrize(
    ("vm_or_node", "key", "value", "now"),
    [
        ("web-01", "node_limit", b"pvchv2,pvchv3", "web-01 is on pvchv1, outside its node limit"),
        ("pvchv1", "memtotal", b"30000", "the VMs on pvchv1 have 35 GiB of its 29.3 GiB"),
    ],
)
def test_what_nothing_noticed_is_a_problem(
    on_cluster: Pvc, cluster: Tree, vm_or_node: str, key: str, value: bytes, now: str
) -> None:
    """10. VMs outside their node limit, and memory beyond what a node has."""
    node = vm_or_node.startswith("pvchv")
    path = f"/nodes/{vm_or_node}/{key}" if node else f"/domains/{cluster.uuid(vm_or_node)}/{key}"
    was = on_cluster("cluster", "status").out
    assert has(was, "Status:    1 problem")
    before = cluster.client.get(path)[0]
    cluster.client.set(path, value)
    try:
        assert now in on_cluster("cluster", "status").out
    finally:
        cluster.client.set(path, before)
    assert on_cluster("cluster", "status").out == was


def test_a_hint_pads_numbers_before_it_looks_for_what_is_alike(on_cluster: Pvc, cluster: Tree) -> None:
    """10. Of app-01 and app-21, which are as much alike, it named the last."""
    path = f"/domains/{cluster.uuid('app-02')}"
    cluster.client.set(path, b"app-21")
    try:
        said = on_cluster("vm", "info", "app-1").err
    finally:
        cluster.client.set(path, b"app-02")
    assert said != "Error: there is no VM 'app-1': did you mean 'app-21'?\n"
    assert said == "Error: there is no VM 'app-1': did you mean 'app-01'?\n"


def test_the_claim_in_the_readme_leaves_the_cluster_well(on_cluster: Pvc) -> None:
    """10. Its example made 'cluster status' exit 1."""
    claims = re.findall(r"^pvc (sriov vf claim .*?) +#", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert claims == ["sriov vf claim pvchv1 ens1f0v1 web-01 --dry-run"]
    assert on_cluster(*claims[0].split()).code == 0
    status = on_cluster("cluster", "status").out
    was = "problem  pvchv1 ens1f0v1: claimed for web-01, whose XML does not use it  pvc sriov vf audit pvchv1"
    assert not has(status, was)
    assert has(status, "problem  lab-02 failed: The host ran out of memory  pvc vm info lab-02")


@pytest.mark.parametrize("page", ["README.md", "docs/tour.md"])
def test_no_tour_changes_the_backup_that_it_made(page: str) -> None:
    """5. It did: 'pvc -c file:backup.json schema upgrade'."""
    text = (ROOT / page).read_text()
    made = set(re.findall(r"pvc cluster backup (\S+)", text))
    changed = set(re.findall(r"--write.* -c file:(\S+)|-c file:(\S+).* --write", text))
    assert made
    assert not made & {name for names in changed for name in names if name}
    assert "pvc -c file:backup.json schema upgrade" not in re.findall(r"^(pvc .*?)(?: +#.*)?$", text, re.MULTILINE)


def test_a_dry_run_and_the_run_are_one_document(on_cluster: Pvc) -> None:
    """10. The keys were 'changes' for the one and 'results' for the other, so that nobody could compare them."""
    words = ("vm", "tag", "add", "web-01", "blue", "-o", "json")
    dry = json.loads(on_cluster(*words, "--dry-run").out)
    real = json.loads(on_cluster(*words).out)
    assert on_cluster("vm", "tag", "remove", "web-01", "blue").code == 0
    assert list(dry) != ["changes"]
    assert list(real) != ["results"]
    assert (dry["items"], dry["counts"]) == (real["items"], real["counts"])
    assert (real["items"][0]["name"], real["counts"]["changed"]) == ("web-01", 1)


def test_the_names_of_connections_survive_the_next_save(pvc: Pvc, home: Path) -> None:
    """9. YAML reads the first of them as true, and the second as the number 8."""
    path = home / "config" / "pvc" / "connections.yaml"
    path.parent.mkdir(parents=True)
    path.write_text("connections:\n  on:\n    coordinators: hv1\n  010:\n    coordinators: hv2\n")
    assert pvc("connection", "add", "lab", "hv3").code == 0
    was, now = "8\nTrue\nlab\n", "010\nlab\non\n"
    assert pvc("connection", "list", "-o", "name").out != was
    assert pvc("connection", "list", "-o", "name").out == now


def test_a_far_cluster_shows_a_sign_of_life(cluster: Tree, screens: Callable[[int], Tmux]) -> None:
    """11. At 0.6 s for a round trip, 'cluster status' took 18 s, and the screen was empty all that time."""
    screen = screens(120)
    with far_away(cluster.hosts, 0.6) as hosts:
        screen.type("clear", "Enter")
        started = time.monotonic()
        screen.type(f"pvc --coordinators {hosts} cluster status", "Enter")
        screen.wait_for(f"\nReading {hosts} … 2 s")
        screen.wait_for("Status:    1 problem\n")
        assert time.monotonic() - started < 14
    assert "Reading" not in "\n".join(screen.shown())
