"""One rule for what selects nothing: a question is answered, a change is not made, what does not exist is refused."""

from __future__ import annotations

import pytest

from tests.conftest import Pvc, Tree

QUESTIONS = {
    "vm list": "No VM matches",
    "vm list --count-by node": "No VM matches",
    "vm tag list": "Nothing to show",
    "vm meta get": "Nothing to show",
    "export": "Nothing to export",
    "inventory --list": "Warning: the inventory is empty",
    "inventory --prometheus 9100": "Warning: the inventory is empty",
}
"""Commands that select VMs and show something, with what they begin to say if there are none."""
MOVES = ("vm move", "vm migrate", "vm unmigrate")
CHANGES = (
    "vm tag add x",
    "vm tag remove x",
    "vm meta set --autostart",
    "vm start",
    "vm shutdown",
    "vm restart",
    "vm stop",
    "vm stop --wait",
    "vm disable",
    *MOVES,
)
"""Commands that select VMs and change them."""
NO_MATCH = {
    "-s provision": "no VM matches",
    "-g zzz": "no VM has a tag 'zzz': see 'pvc vm tag list'",
    "-g ci -g staging": "no VM matches",
    "--mac 52:54:00:00:00:99": "no VM matches",
    "--disk nopool/*": "no VM matches",
}
"""Filters that could match a VM, but do not, and what is said."""
MISSPELT = {
    "-g produciton": "no VM has a tag 'produciton': did you mean 'production'?",
    "-g production,frontent -s provision": "no VM has a tag 'frontent': did you mean 'frontend'?",
}
"""Filters that match no VM, with a tag that is likely misspelt."""
MISSPELT_EXCLUSIONS = {
    "-g !produciton": "no VM has a tag 'produciton': did you mean 'production'?",
    "--without-tag produciton": "no VM has a tag 'produciton': did you mean 'production'?",
    "-n -g produciton": "no VM has a tag 'produciton': did you mean 'production'?",
}
"""Filters that leave out no VM, because a tag is misspelt."""
REFUSED = {
    "-s strat": (2, "PVC has no state 'strat': did you mean 'start'?"),
    "-s !strat": (2, "PVC has no state 'strat': did you mean 'start'?"),
    "-s start,fial": (2, "PVC has no state 'fial': did you mean 'fail'?"),
    "-n -s strat": (2, "PVC has no state 'strat': did you mean 'start'?"),
    "-g ,": (2, "--tag is empty: give a name, or drop the option"),
    "-t pvchv9": (1, "there is no node 'pvchv9': did you mean 'pvchv1', 'pvchv2' or 'pvchv3'?"),
    "--network 99999": (1, "there is no network '99999': see 'pvc network list'"),
    "--name nosuch": (1, "there is no VM 'nosuch': see 'pvc vm list'"),
    "--name zz*": (1, "no VM matches 'zz*': see 'pvc vm list'"),
    "--name -": (2, "no names on standard input: expected one per line"),
}
"""Filters with a word that stands for nothing, with exit code and error: the same in every command."""
NAMES = {
    "nosuch": (1, "there is no VM 'nosuch': see 'pvc vm list'"),
    "web-1": (1, "there is no VM 'web-1': did you mean 'web-01'?"),
    "zz*": (1, "no VM matches 'zz*': see 'pvc vm list'"),
    "-": (2, "no names on standard input: expected one per line"),
}
"""Names of VMs that stand for none."""
NAMING = {
    *(f"{change} VM" for change in CHANGES if change not in ("vm tag add x", "vm tag remove x")),
    "vm tag add VM x", "vm tag remove VM x", "vm tag list VM", "vm meta get VM", "vm info VM", "vm dump VM",
    "export VM", "sriov vf list --vm VM", "sriov vf claim pvchv1/ens1f0v1 VM", "vm log VM",
}  # fmt: skip
ONE = ("vm log VM", "sriov vf list --vm VM", "sriov vf claim pvchv1/ens1f0v1 VM")
"""Commands about one VM."""
THINGS = {
    "node info nosuch": "there is no node 'nosuch': see 'pvc node list'",
    "node flush nosuch": "there is no node 'nosuch': see 'pvc node list'",
    "node ready nosuch": "there is no node 'nosuch': see 'pvc node list'",
    "node primary nosuch": "there is no node 'nosuch': see 'pvc node list'",
    "node secondary nosuch": "there is no node 'nosuch': see 'pvc node list'",
    "node log nosuch": "there is no node 'nosuch': see 'pvc node list'",
    "sriov pf list nosuch": "there is no node 'nosuch': see 'pvc node list'",
    "sriov pf info pvchv1 nosuch": "node pvchv1 has no PF 'nosuch': see 'pvc sriov pf list pvchv1'",
    "sriov pf drain pvchv1 nosuch": "node pvchv1 has no PF 'nosuch': see 'pvc sriov pf list pvchv1'",
    "sriov pf rename pvchv1 nosuch x": "node pvchv1 has no PF 'nosuch': see 'pvc sriov pf list pvchv1'",
    "sriov vf list nosuch": "there is no node 'nosuch': see 'pvc node list'",
    "sriov vf list pvchv1/nosuch": "node pvchv1 has no PF 'nosuch': see 'pvc sriov pf list pvchv1'",
    "sriov vf audit nosuch": "there is no node 'nosuch': see 'pvc node list'",
    **{
        f"sriov vf {command.format(name)}": f"node pvchv1 has no VF '{name}': see 'pvc sriov vf list pvchv1'"
        for command in ("info pvchv1 {}", "set pvchv1 {} --vlan-id 3", "release pvchv1 {}", "export pvchv1 {}")
        for name in ("nosuch", "zz*")
    },
    "sriov vf claim pvchv1 nosuch web-01": "node pvchv1 has no VF 'nosuch': see 'pvc sriov vf list pvchv1'",
    "sriov vf history pvchv1 nosuch": "node pvchv1 has no VF 'nosuch': see 'pvc sriov vf list pvchv1'",
    "vm tag rename nosuch x": "no VM has a tag 'nosuch': see 'pvc vm tag list'",
    "vm tag rename produciton x": "no VM has a tag 'produciton': did you mean 'production'?",
    **{
        f"vm tag remove {vms} produciton": "no VM has a tag 'produciton': did you mean 'production'?"
        for vms in ("--all", "-s start", "web-*", "web-01,web-02")
    },
    "fault ack nosuch": "there is no fault 'nosuch': see 'pvc fault list'",
    "fault delete nosuch": "there is no fault 'nosuch': see 'pvc fault list'",
    "network info nosuch": "there is no network 'nosuch': see 'pvc network list'",
    "history show nosuch": "there is no change 'nosuch' in the history: see 'pvc history list'",
    "undo nosuch": "there is no change 'nosuch' in the history: see 'pvc history list'",
}
"""Commands about something else that does not exist, with their errors."""
SEARCHES = {
    "vm list nosuch": "No VM matches.",
    "node list nosuch": "No node matches.",
    "fault list nosuch": "No fault matches.",
    "network list nosuch": "No network matches.",
    "storage pool list nosuch": "No pool matches.",
    "storage volume list nosuch": "No volume matches.",
    "storage osd list nosuch": "No OSD matches.",
    "sriov vf list --vm web-01": "No VFs.",
    "history list": "Nothing was changed.",
}
"""Lists that look for what may be there, and what they say if it is not."""


def words_of(command: str, options: str) -> list[str]:
    """The words of *command* with *options*; moves have ``--from`` for a VM's node."""
    return [*command.split(), *(options.replace("-t ", "--from ") if command in MOVES else options).split()]


@pytest.mark.parametrize("options", NO_MATCH)
@pytest.mark.parametrize("command", [*QUESTIONS, *CHANGES])
def test_filters_that_match_no_vm_are_exit_0_and_said(on_tree: Pvc, tree: Tree, command: str, options: str) -> None:
    before = tree.dump()
    result = on_tree(*words_of(command, options))
    assert (result.code, tree.dump()) == (0, before)
    said = QUESTIONS.get(command, "Nothing to change")
    if said == "No VM matches":
        assert result.err in (f"{said}.\n", f"{said}; {NO_MATCH[options]}\n")
    else:
        assert result.err.rstrip(".\n") == f"{said}: {NO_MATCH[options]}".rstrip(".")


@pytest.mark.parametrize("options", MISSPELT)
@pytest.mark.parametrize("command", QUESTIONS)
def test_a_misspelt_tag_in_a_question_is_exit_0_and_told(on_tree: Pvc, command: str, options: str) -> None:
    result = on_tree(*words_of(command, options))
    assert result.code == 0
    assert result.err.rstrip(".\n").endswith(MISSPELT[options])


@pytest.mark.parametrize("options", MISSPELT_EXCLUSIONS)
@pytest.mark.parametrize("command", QUESTIONS)
def test_a_misspelt_exclusion_in_a_question_is_exit_0_and_told(on_tree: Pvc, command: str, options: str) -> None:
    result = on_tree(*words_of(command, options))
    assert (result.code, bool(result.out)) == (0, True)
    assert result.err == f"Note: {MISSPELT_EXCLUSIONS[options]}\n"


@pytest.mark.parametrize("options", [*MISSPELT, *MISSPELT_EXCLUSIONS])
@pytest.mark.parametrize("command", CHANGES)
def test_a_misspelt_tag_in_a_change_is_exit_1(on_tree: Pvc, tree: Tree, command: str, options: str) -> None:
    before = tree.dump()
    result = on_tree(*words_of(command, options))
    error = {**MISSPELT, **MISSPELT_EXCLUSIONS}[options]
    assert (result.code, result.out, result.err) == (1, "", f"Error: {error}\n")
    assert tree.dump() == before


@pytest.mark.parametrize("options", REFUSED)
@pytest.mark.parametrize("command", [*QUESTIONS, *CHANGES])
def test_a_word_that_stands_for_nothing_is_the_same_error_everywhere(
    on_tree: Pvc, tree: Tree, command: str, options: str
) -> None:
    before = tree.dump()
    result = on_tree(*words_of(command, options))
    code, error = REFUSED[options]
    assert (result.code, result.out, result.err.splitlines()[0]) == (code, "", f"Error: {error}")
    assert tree.dump() == before


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("command", sorted(NAMING))
def test_a_name_of_no_vm_is_the_same_error_everywhere(on_tree: Pvc, tree: Tree, command: str, name: str) -> None:
    before = tree.dump()
    result = on_tree(*command.replace("VM", name).split())
    code, error = NAMES[name]
    if command in ONE and name in ("zz*", "-"):
        code, error = 2, f"'{name}' may match several: give one name"
    assert (result.code, result.out, result.err) == (code, "", f"Error: {error}\n")
    assert tree.dump() == before


@pytest.mark.parametrize("command", THINGS)
def test_another_thing_that_does_not_exist_is_exit_1(on_tree: Pvc, tree: Tree, command: str) -> None:
    before = tree.dump()
    result = on_tree(*command.split())
    assert (result.code, result.out, result.err) == (1, "", f"Error: {THINGS[command]}\n")
    assert tree.dump() == before


@pytest.mark.parametrize("command", SEARCHES)
def test_a_list_that_finds_nothing_is_exit_0(on_tree: Pvc, command: str) -> None:
    result = on_tree(*command.split())
    assert (result.code, result.out, result.err) == (0, "", f"{SEARCHES[command]}\n")


def test_a_state_that_is_new_is_taken_in_questions_and_changes_once_a_vm_is_in_it(on_tree: Pvc, tree: Tree) -> None:
    tree.put(f"/domains/{tree.uuid('web-01')}/state", b"hibernate")
    for command in (("vm", "list", "-o", "name"), ("vm", "tag", "add", "x", "--dry-run", "-o", "name")):
        for states, count in (("hibernate", 1), ("!hibernate", 19)):
            result = on_tree(*command, "-s", states)
            assert (result.code, len(result.out.split())) == (0, count)
        assert on_tree(*command, "-s", "hibernaet").code == 2
