"""The real kernel's side of the agent: netlink down to the bytes, sysfs as files, and the kernel of this machine."""

from __future__ import annotations

import errno
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from pvc_cli.agent.kernel import KNOBS, NO_MAC, KernelError, PfState, VfState
from pvc_cli.agent.link_events import _concerns_cards, listen
from pvc_cli.agent.linux import LinuxKernel
from pvc_cli.cluster.sriov.model import VfConfig
from pvc_cli.errors import ConfigError
from tests.agent.netlink import Netlink
from tests.agent.nic import MODELS, SimulatedKernel
from tests.kernel.probe import probe

ANSWERS = Path(__file__).parents[1] / "kernel" / "answers.json"
# Every machine has a device of that name; here a card is behind it.
PF = "lo"
WHOLE = VfConfig(101, 2, 100, 1000, "enable", spoof_check=False, trust=True, query_rss=True)


class Card:
    """A card as the kernel shows it: through netlink, and in files."""

    def __init__(self, folder: Path, netlink: Netlink) -> None:
        self.cards = netlink.cards
        self.netlink = netlink
        self.device = folder / PF / "device"
        self.numvfs = self.device / "sriov_numvfs"
        self._pci = folder / "pci"

    def plug_in(self, model: str, vfs: int = 0) -> None:
        self.device.mkdir(parents=True)
        self.cards.plug_in(PF, model)
        self.create_vfs(PF, vfs)

    def create_vfs(self, phy: str, count: int) -> None:
        """Do what a write to sriov_numvfs makes a driver do, and show the new functions as sysfs would."""
        self.cards.create_vfs(phy, count)
        self.numvfs.write_text(f"{count}\n")
        for function in self.device.glob("virtfn*"):
            function.unlink()
        for vf in self.cards.vfs(PF):
            if vf.pci:
                place = self._pci / vf.pci
                (place / "net" / f"lov{vf.index}").mkdir(parents=True, exist_ok=True)
                self.address(vf.index).write_text(f"{vf.mac}\n")
                self.address(vf.index).with_name("mtu").write_text(f"{vf.mtu}\n")
                (self.device / f"virtfn{vf.index}").symlink_to(place)

    def address(self, index: int) -> Path:
        """The file with the hardware address of a VF's network device."""
        return self._pci / self.cards.vfs(PF)[index].pci / "net" / f"lov{index}" / "address"


@pytest.fixture
def card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Card]:
    for name in ("cards", "sys"):
        (tmp_path / name).mkdir()
    netlink = Netlink(SimulatedKernel(tmp_path / "cards"), PF)
    monkeypatch.setattr("pvc_cli.agent.linux._SYSFS", tmp_path / "sys")
    netlink.plug_into(monkeypatch)
    yield Card(tmp_path / "sys", netlink)
    netlink.close()


@pytest.fixture
def kernel(card: Card) -> Iterator[LinuxKernel]:
    """The code under test, with a card behind the socket."""
    with LinuxKernel() as kernel:
        yield kernel


@pytest.mark.parametrize("model", ["igb", "netdevsim"])
def test_what_real_cards_answered_comes_through_unchanged(
    card: Card, kernel: LinuxKernel, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    card.plug_in(model)
    # No file can refuse a number as a driver does.
    monkeypatch.setattr(kernel, "create_vfs", card.create_vfs)
    assert probe(kernel, PF, MODELS[model].total) == json.loads(ANSWERS.read_text())[model]


@pytest.mark.parametrize(("up", "cable"), [(False, False), (False, True), (True, False), (True, True)])
def test_a_pf_is_up_when_it_is_set_up_and_works_when_there_is_a_cable(
    card: Card, kernel: LinuxKernel, up: bool, cable: bool
) -> None:
    card.plug_in("full", vfs=3)
    with card.cards.card(PF) as state:
        state |= {"up": up, "cable": cable, "mtu": 9000}
    assert kernel.pf(PF) == PfState(PF, 9000, up, up and cable, 3)


@pytest.mark.parametrize("text", [None, "", "many\n"])
def test_a_device_without_a_number_of_vfs_can_have_none(card: Card, kernel: LinuxKernel, text: str | None) -> None:
    card.plug_in("full")
    card.numvfs.unlink()
    if text is not None:
        card.numvfs.write_text(text)
    state = kernel.pf(PF)
    assert state
    assert state.vfs is None
    assert kernel.vfs(PF) == []


@pytest.mark.parametrize("model", MODELS)
def test_vfs_are_what_the_card_has(card: Card, kernel: LinuxKernel, model: str) -> None:
    card.plug_in(model, vfs=4)
    with card.cards.card(PF) as state:
        state["vfs"][2]["config"].update(WHOLE.known())
    assert vfs_of(kernel.vfs(PF)) == card.cards.vfs(PF)
    assert kernel.vfs(PF)[2].config.known().items() <= WHOLE.known().items()


def vfs_of(states: list[VfState]) -> list[VfState]:
    """What the kernel itself says: without the addresses of the network devices."""
    return [replace(state, admin_mac=NO_MAC) for state in states]


@pytest.mark.parametrize("count", [219, 250, 256])
def test_no_vf_of_many_is_lost(card: Card, kernel: LinuxKernel, count: int) -> None:
    """With their statistics, the kernel's list of 250 VFs says that it is 64 KiB shorter than it is."""
    card.plug_in("full", vfs=count)
    with card.cards.card(PF) as state:
        state["vfs"][count - 1]["config"].update(WHOLE.known())
    assert vfs_of(kernel.vfs(PF)) == card.cards.vfs(PF)


def test_an_answer_that_lacks_vfs_is_an_error_and_invents_none(card: Card, kernel: LinuxKernel) -> None:
    card.plug_in("full", vfs=4)
    card.netlink.most = 3
    with pytest.raises(KernelError, match="could not read lo: the kernel reported 3 of 4 VFs") as error:
        kernel.vfs(PF)
    assert error.value.transient


def test_an_answer_that_cannot_be_decoded_is_an_error(
    card: Card, kernel: LinuxKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    card.plug_in("full", vfs=250)
    monkeypatch.setattr("pvc_cli.agent.linux._VFS_ONLY", 1)
    with pytest.raises(KernelError, match="could not read lo: the kernel"):
        kernel.vfs(PF)


def test_a_vf_that_sysfs_does_not_show_yet_is_an_error(card: Card, kernel: LinuxKernel) -> None:
    card.plug_in("full", vfs=4)
    (card.device / "virtfn2").unlink()
    with pytest.raises(KernelError, match="could not read lo: sysfs shows 3 of 4 VFs") as error:
        kernel.vfs(PF)
    assert error.value.transient


@pytest.mark.parametrize(("target", "pci"), [("virtfn0", ""), ("../nowhere/0000:01:10.0", "0000:01:10.0")])
def test_a_link_that_loops_or_leads_nowhere_is_no_device(
    card: Card, kernel: LinuxKernel, target: str, pci: str
) -> None:
    card.plug_in("full", vfs=1)
    (card.device / "virtfn0").unlink()
    (card.device / "virtfn0").symlink_to(target)
    assert [(vf.pci, vf.mtu) for vf in kernel.vfs(PF)] == [(pci, None)]
    (card.device.parent.parent / "loop").symlink_to("loop")
    assert kernel.pf("loop") is None


def test_a_service_tag_is_told_from_an_ordinary_one(card: Card, kernel: LinuxKernel) -> None:
    card.plug_in("full", vfs=2)
    with card.cards.card(PF) as state:
        state["vfs"][1]["service_tag"] = True
    assert [vf.service_tag for vf in kernel.vfs(PF)] == [False, True]


def test_an_address_is_that_of_the_network_device_where_there_is_one(card: Card, kernel: LinuxKernel) -> None:
    card.plug_in("full", vfs=3)
    own = card.cards.vfs(PF)[1].mac
    card.address(0).write_text("02:ff:00:00:00:01\n")
    # Being renamed, and given to a VM.
    card.address(1).unlink()
    card.address(1).mkdir()
    card.address(2).unlink()
    with card.cards.card(PF) as state:
        state["vfs"][2]["mac"] = NO_MAC
    assert [vf.mac for vf in kernel.vfs(PF)] == ["02:ff:00:00:00:01", own, NO_MAC]


@pytest.mark.parametrize("knob", KNOBS)
def test_each_setting_is_asked_for_by_itself_and_made(card: Card, kernel: LinuxKernel, knob: str) -> None:
    card.plug_in("full", vfs=2)
    change = {name: value for name, value in WHOLE.known().items() if name in KNOBS[knob]}
    kernel.set_vf(PF, 1, change)
    assert card.netlink.asked == [("VF 1", change)]
    before = card.cards.actual(PF, 0)
    assert card.cards.actual(PF, 1) == replace(before, **change)  # type: ignore[arg-type]


def test_what_a_driver_lacks_is_an_error_that_names_it(card: Card, kernel: LinuxKernel) -> None:
    card.plug_in("igb", vfs=2)
    with pytest.raises(
        KernelError, match=r"^could not set VF 1 of lo: Operation not supported \(EOPNOTSUPP\)$"
    ) as error:
        kernel.set_vf(PF, 1, {"link_state": "enable"})
    assert not error.value.transient


def test_a_link_is_set_up_and_its_mtu_set_each_by_itself(card: Card, kernel: LinuxKernel) -> None:
    card.plug_in("full")
    kernel.bring_up(PF)
    assert kernel.pf(PF) == PfState(PF, 1500, up=True, carrier=True, vfs=0)
    kernel.set_mtu(PF, 9000)
    assert kernel.pf(PF) == PfState(PF, 9000, up=True, carrier=True, vfs=0)


def test_what_the_kernel_refuses_is_said_with_what_was_wanted(card: Card, kernel: LinuxKernel) -> None:
    card.plug_in("full", vfs=1)
    card.netlink.refuse = errno.ENOBUFS
    for attempt, said in (
        (lambda: kernel.set_mtu(PF, 9000), "could not set MTU 9000 on lo"),
        (lambda: kernel.bring_up(PF), "could not bring up lo"),
        (lambda: kernel.set_vf(PF, 0, {"trust": True}), "could not set VF 0 of lo"),
        (lambda: kernel.vfs(PF), "could not read lo"),
    ):
        with pytest.raises(KernelError) as error:
            attempt()
        assert str(error.value) == f"{said}: No buffer space available (ENOBUFS)"
        assert error.value.transient


def test_vfs_of_a_device_that_goes_away_under_the_question_are_an_error(card: Card, kernel: LinuxKernel) -> None:
    card.plug_in("full", vfs=1)
    card.cards.unplug(PF)
    with pytest.raises(KernelError, match="could not read lo: No such device"):
        kernel.vfs(PF)


def test_a_device_that_goes_away_under_the_question_is_none(card: Card, kernel: LinuxKernel) -> None:
    card.plug_in("full", vfs=1)
    card.cards.unplug(PF)
    assert kernel.pf(PF) is None


def test_a_number_of_vfs_is_written_and_a_refusal_is_the_systems(card: Card, kernel: LinuxKernel) -> None:
    card.plug_in("full")
    kernel.create_vfs(PF, 4)
    assert card.numvfs.read_text() == "4\n"
    card.numvfs.unlink()
    card.numvfs.symlink_to("/dev/full")
    with pytest.raises(KernelError, match="could not create 300 VFs on lo: No space left on device") as error:
        kernel.create_vfs(PF, 300)
    assert error.value.code == errno.ENOSPC
    with pytest.raises(KernelError, match="could not create 1 VFs on nosuch0: No such file"):
        kernel.create_vfs("nosuch0", 1)


def test_vfs_are_removed_and_how_many_there_can_be_is_read(card: Card, kernel: LinuxKernel) -> None:
    card.plug_in("full", vfs=4)
    assert kernel.most_vfs(PF) is None
    card.device.joinpath("sriov_totalvfs").write_text("64\n")
    assert kernel.most_vfs(PF) == 64
    kernel.remove_vfs(PF)
    assert card.numvfs.read_text() == "0\n"
    card.numvfs.unlink()
    card.numvfs.symlink_to("/dev/full")
    with pytest.raises(KernelError, match="could not remove the VFs of lo: No space left on device"):
        kernel.remove_vfs(PF)


def test_without_pyroute2_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyroute2", None)
    with pytest.raises(ConfigError, match="install python3-pyroute2"):
        LinuxKernel()


# This machine's own kernel


def test_this_machines_loopback_device_is_read_as_sysfs_shows_it() -> None:
    sysfs = Path("/sys/class/net/lo")
    flags = int((sysfs / "flags").read_text(), 16)
    with LinuxKernel() as kernel:
        state = kernel.pf("lo")
        assert state
        assert (state.mtu, state.up, state.vfs) == (int((sysfs / "mtu").read_text()), bool(flags & 1), None)
        assert kernel.vfs("lo") == []


def test_this_machine_has_no_device_that_it_does_not_have() -> None:
    with LinuxKernel() as kernel:
        assert kernel.pf("nosuch0") is None
        with pytest.raises(KernelError, match="could not read nosuch0: No such device"):
            kernel.vfs("nosuch0")


def test_setting_up_a_device_that_is_not_there_says_so_and_is_not_tried_again() -> None:
    with (
        LinuxKernel() as kernel,
        pytest.raises(KernelError, match="could not bring up nosuch0: No such device") as error,
    ):
        kernel.bring_up("nosuch0")
    assert error.value.code == errno.ENODEV
    assert not error.value.transient


IN_A_NAMESPACE = """
import errno
from pvc_cli.agent.kernel import KernelError
from pvc_cli.agent.linux import LinuxKernel
with LinuxKernel() as kernel:
    print(kernel.pf("lo").up)
    kernel.bring_up("lo")
    kernel.set_mtu("lo", 1400)
    print(kernel.pf("lo").up, kernel.pf("lo").mtu)
    try:
        kernel.set_vf("lo", 0, {"vlan_id": 5})
    except KernelError as error:
        print(error)
"""


EVENTS_IN_A_NAMESPACE = """
import queue
from pvc_cli.agent.linux import LinuxKernel
told = queue.SimpleQueue()
with LinuxKernel() as kernel, kernel.listen(lambda: told.put(1)):
    for change in (lambda: kernel.bring_up("lo"), lambda: kernel.set_mtu("lo", 1400)):
        while not told.empty():
            told.get()
        change()
        told.get(timeout=5)
    print("told")
    try:
        while True:
            told.get(timeout=0.3)
    except queue.Empty:
        print("quiet")
"""


def test_a_real_kernel_tells_of_changed_links_and_of_nothing_else() -> None:
    alone = ("unshare", "--map-root-user", "--net")
    if subprocess.run([*alone, "true"], capture_output=True, check=False).returncode:
        pytest.skip("needs a network namespace of its own, which this system does not give")
    run = subprocess.run(
        [*alone, sys.executable, "-c", EVENTS_IN_A_NAMESPACE], capture_output=True, text=True, check=False
    )
    assert run.stderr == ""
    assert run.stdout.splitlines() == ["told", "quiet"]


def test_a_kernel_that_tells_things_without_end_is_heard_all_the_same() -> None:
    class Endless:
        proto = socket.NETLINK_ROUTE

        def recv(self, _size: int) -> bytes:
            return bytes(32)

    assert _concerns_cards(cast(socket.socket, Endless()))


def test_where_the_kernel_tells_nothing_listening_ends_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "not allowed")

    monkeypatch.setattr("pvc_cli.agent.link_events.socket.socket", refuse)
    with listen(lambda: None):
        pass


def test_a_device_is_found_by_another_name_of_it(
    card: Card, kernel: LinuxKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel takes either name for a device's number; sysfs has only the first."""
    card.plug_in("full", vfs=2)
    real = socket.if_nametoindex
    monkeypatch.setattr(socket, "if_nametoindex", lambda name: real(PF if name == "enp1s0" else name))
    found = kernel.pf("enp1s0")
    assert found
    assert (found.phy, found.vfs) == ("enp1s0", 2)
    assert vfs_of(kernel.vfs("enp1s0")) == card.cards.vfs(PF)
    kernel.create_vfs("enp1s0", 3)
    assert card.numvfs.read_text() == "3\n"


def test_the_mtu_of_a_vf_is_that_of_its_network_device(card: Card, kernel: LinuxKernel) -> None:
    card.plug_in("full", vfs=2)
    card.address(1).with_name("mtu").write_text("9000\n")
    assert [vf.mtu for vf in kernel.vfs(PF)] == [1500, 9000]
    card.address(0).with_name("mtu").unlink()
    assert [vf.mtu for vf in kernel.vfs(PF)] == [None, 9000]


def test_a_real_kernel_sets_a_link_up_and_refuses_vfs_where_there_are_none() -> None:
    alone = ("unshare", "--map-root-user", "--net")
    if subprocess.run([*alone, "true"], capture_output=True, check=False).returncode:
        pytest.skip("needs a network namespace of its own, which this system does not give")
    run = subprocess.run([*alone, sys.executable, "-c", IN_A_NAMESPACE], capture_output=True, text=True, check=False)
    assert run.stderr == ""
    assert run.stdout.splitlines() == [
        "False",
        "True 1400",
        "could not set VF 0 of lo: Operation not supported (EOPNOTSUPP)",
    ]
