"""The Debian package, installed in an empty Debian 12 and used there, alone and beside PVC's own client."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pvc_cli import __version__

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.usefixtures("zookeeper")
MIRROR = "http://deb.debian.org/debian"
# Everything that runs in there dies with it, and its mounts go away.
ISOLATED = ("unshare", "--mount", "--pid", "--fork", "--kill-child")
ENTER = """
mount -t proc proc "$1/proc"
mount --bind /dev "$1/dev"
cp /etc/resolv.conf "$1/etc/resolv.conf"
# What reaches the network here reaches it in there: a proxy may have a certificate of its own.
cp /etc/ssl/certs/ca-certificates.crt "$1/etc/certificates"
exec chroot "$1" /usr/bin/env -i PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb \\
    LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive http_proxy="${http_proxy-}" https_proxy="${https_proxy-}" \\
    PIP_CERT=/etc/certificates sh -eu -c "$2"
"""
# Stands for PVC's own client: what matters is that it brings a program of the same name.
PVCS_OWN = """
mkdir -p /tmp/own/DEBIAN /tmp/own/usr/bin
printf '#!/bin/sh\\necho the client of PVC\\n' > /tmp/own/usr/bin/pvc
chmod 755 /tmp/own/usr/bin/pvc
printf 'Package: pvc-client-cli\\nVersion: 1\\nArchitecture: all\\nMaintainer: none\\nDescription: stand-in\\n' \\
    > /tmp/own/DEBIAN/control
dpkg-deb --build /tmp/own /tmp/own.deb
"""
Debian = Callable[[str], str]


@pytest.fixture(scope="module")
def package() -> Path:
    (package,) = (ROOT / "dist").glob("*.deb")
    return package


@pytest.fixture(scope="module")
def debian(tmp_path_factory: pytest.TempPathFactory, package: Path) -> Iterator[Debian]:
    """Run a script in an empty Debian 12, where the package is at /tmp, and what is committed at /tmp/source."""
    root = tmp_path_factory.mktemp("debian")
    subprocess.run(["debootstrap", "--variant=minbase", "bookworm", root, MIRROR], check=True, capture_output=True)
    shutil.copy(package, root / "tmp")
    archive = subprocess.run(
        ["git", "archive", "--prefix=source/", "HEAD"], cwd=ROOT, check=True, capture_output=True
    )
    subprocess.run(["tar", "-x", "-C", root / "tmp"], input=archive.stdout, check=True)

    def run(script: str) -> str:
        command = [*ISOLATED, "sh", "-eu", "-c", ENTER, "sh", str(root), script]
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    # A minimal Debian throws manual pages away as it unpacks a package; who wants to read them does not.
    run("rm -f /etc/dpkg/dpkg.cfg.d/*; apt-get -q update")
    yield run
    shutil.rmtree(root)


def test_the_version_is_the_projects_own(package: Path) -> None:
    assert package.name == f"pvc-cli_{__version__}_all.deb"


def test_it_works_in_an_empty_debian(debian: Debian) -> None:
    debian("apt-get -qy --no-install-recommends install /tmp/pvc-cli_*.deb")
    assert debian("pvc --version") == f"pvc {__version__}\n"
    assert "apt-get install" in debian("pvc sandbox start 2>&1 || true")
    debian("apt-get -qy --no-install-recommends install zookeeper default-jre-headless bash-completion man-db")
    shown = debian(
        """
        pvc sandbox start >&2
        pvc vm list
        pvc vm tag add web-01 blue >&2
        echo == && pvc vm tag list web-01 -o name
        echo == && bash -c '
            . /usr/share/bash-completion/bash_completion
            _completion_loader pvc || true
            for typed in "pvc vm info web-" "pvc-cli vm tag list web-" "pvc vm tag rem"; do
                COMP_WORDS=($typed) COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMPREPLY=()
                COMP_LINE=$typed COMP_POINT=${#typed}
                _pvc_completion ${COMP_WORDS[0]}
                echo ${COMPREPLY[@]}
            done
            complete -p pvc pvc-cli' 2>&1
        echo == && pvc cluster status || true
        pvc sandbox stop >&2
        """
    )
    listed, tags, completed, status = shown.split("==\n")
    assert "web-01" in listed
    assert tags.split() == ["blue", "frontend", "production"]
    assert completed.splitlines() == [
        "web-01 web-02",
        "web-01 web-02",
        "remove",
        "complete -o nosort -F _pvc_completion pvc",
        "complete -o nosort -F _pvc_completion pvc-cli",
    ]
    assert "Nodes" in status
    page = debian("man pvc-vm-tag-add | cat")
    assert "pvc vm tag add" in page
    assert "EXAMPLE" in page.upper()
    assert "pvc vm list" in debian("man pvc | cat; man pvc-vm-list | cat")


def test_the_agent_is_there_and_waits_to_be_wanted(debian: Debian) -> None:
    debian("apt-get -qy --no-install-recommends install /tmp/pvc-cli_*.deb python3-pyroute2")
    unit = debian("cat /lib/systemd/system/pvc-sriov-agent.service")
    assert "ExecStart=pvc-sriov-agent $OPTIONS\n" in unit
    assert "/etc/pvc/pvc.conf does not exist" in debian("pvc-sriov-agent 2>&1 || true")
    assert debian("find /etc/systemd/system -name 'pvc-*'") == ""
    assert "/etc/pvc/pvc.conf does not exist" in debian(
        "pvc-cli --coordinators 127.0.0.1:1 sriov agent sync 2>&1 || true"
    )


def test_it_lives_beside_pvcs_own_client_whichever_comes_first(debian: Debian) -> None:
    debian(PVCS_OWN)
    debian("apt-get -qy purge pvc-cli; apt-get -qy install /tmp/own.deb")
    debian("apt-get -qy --no-install-recommends install /tmp/pvc-cli_*.deb")
    assert debian("pvc; pvc-cli --version") == f"the client of PVC\npvc {__version__}\n"
    debian("apt-get -qy purge pvc-cli pvc-client-cli")
    assert debian("ls /usr/bin/pvc* 2>/dev/null || true") == ""

    debian("apt-get -qy --no-install-recommends install /tmp/pvc-cli_*.deb && apt-get -qy install /tmp/own.deb")
    assert debian("pvc; pvc-cli --version") == f"the client of PVC\npvc {__version__}\n"
    debian("apt-get -qy purge pvc-cli")
    assert debian("pvc") == "the client of PVC\n"


def documented(words: str) -> str:
    """The commands in the documentation's block that has *words* in it."""
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "docs/sriov.md").read_text(), re.DOTALL)
    (block,) = (block for block in blocks if words in block)
    return str(block)


def test_without_the_package_the_agent_is_installed_as_documented(debian: Debian) -> None:
    debian(PVCS_OWN)
    debian("apt-get -qy purge pvc-cli || true")
    debian("apt-get -qy --no-install-recommends install /tmp/own.deb systemd python3-venv ca-certificates")
    refused = debian("cd /tmp/source && pip install '.[agent]' 2>&1 || true")
    assert "externally-managed" in refused or "not found" in refused
    # In a chroot, nothing can be told to the machine's own systemd.
    debian(f"systemctl() {{ :; }}; cd /tmp/source; {documented('python3 -m venv /opt/pvc-cli')}")
    assert debian("pvc") == "the client of PVC\n"
    assert "/etc/pvc/pvc.conf does not exist" in debian("pvc-sriov-agent 2>&1 || true")
    assert debian("pvc-cli --version") == f"pvc {__version__}\n"
    # systemd finds the program that the unit names, and it is this one.
    assert debian("systemd-analyze verify --man=no pvc-sriov-agent.service 2>&1") == ""
    debian("rm /usr/local/bin/pvc-sriov-agent")
    assert "pvc-sriov-agent" in debian("systemd-analyze verify --man=no pvc-sriov-agent.service 2>&1 || true")
    debian("apt-get -qy purge pvc-client-cli; rm -r /opt/pvc-cli /usr/local/bin/pvc-cli /etc/systemd/system/pvc-*")
