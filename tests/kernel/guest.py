"""A throw-away machine with a Debian kernel and SR-IOV network cards: QEMU, and all it runs, from Debian's packages.

Two cards complement each other: Intel's 82576 (igb), which QEMU emulates with real PCI virtual functions, and
the kernel's own netdevsim, which has every setting and no PCI device. Debian builds no netdevsim, and its stable
QEMU has no igb: so the module is built from Debian's own source, and QEMU comes from the next release, unpacked
into the cache and not installed. Needs root, for the chroot in which the module is built.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
SUITES = ("bookworm", "trixie")
QEMU_SUITE = "trixie"
TOOLS = ("apt-get", "chroot", "cpio", "depmod", "dpkg-deb", "modprobe", "tar", "xz")
QEMU_PACKAGES = ("qemu-system-x86", "seabios", "ipxe-qemu")
GUEST_PACKAGES = (
    *("linux-image-amd64", "busybox-static", "dash", "iproute2", "kmod", "strace", "systemd", "udev"),
    *(
        "python3",
        "python3-click",
        "python3-kazoo",
        "python3-pyroute2",
        "python3-tabulate",
        "python3-wcwidth",
        "python3-yaml",
    ),
)
MODULES = ("virtio_pci", "virtio_net", "9p", "9pnet_virtio", "igb", "igbvf", "netdevsim", "vfio-pci")
INIT = Path(__file__).with_name("init.sh")
GUEST_SERVICE = """\
[Unit]
Description=The command that this guest was booted for

[Service]
Environment=HOME=/root LANG=C.UTF-8
ExecStart=/bin/sh /control/command
ExecStopPost=/bin/sh -c 'echo $EXIT_STATUS >/control/status; sync; systemctl poweroff -ff'
StandardOutput=append:/control/output
StandardError=append:/control/output
"""


class LackingError(Exception):
    """The machine lacks something that this needs; the message says what."""


def require() -> None:
    """Do nothing on a machine that can build and run a guest.

    :raises LackingError: on another.
    """
    if missing := [tool for tool in TOOLS if not shutil.which(tool)]:
        raise LackingError(f"there is no {', '.join(missing)} here: apt-get install cpio kmod xz-utils")
    if os.geteuid():
        raise LackingError("this builds a kernel module in a chroot: run it as root")
    if not KEYRING.exists() or os.uname().machine != "x86_64":
        raise LackingError("this needs a Debian on x86_64 whose apt knows a mirror")


def cache_folder() -> Path:
    """Return where packages and images are kept: PVC_KERNEL_CACHE, or a folder among the user's caches."""
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("PVC_KERNEL_CACHE") or caches / "pvc-test-kernel")


class Guest:
    """Builds a guest of a Debian release once, in *cache*, and boots it."""

    def __init__(self, cache: Path, suite: str) -> None:
        self._cache = cache
        self._suite = suite
        self._qemu = cache / "qemu"
        self._image = cache / f"guest-{suite}.img"
        self._kernel = cache / f"guest-{suite}.vmlinuz"
        cache.mkdir(parents=True, exist_ok=True)

    def build(self) -> None:
        """Download, unpack and build what is not in the cache yet.

        :raises LackingError: if a package cannot be downloaded.
        """
        if not (self._qemu / "built").exists():
            self._unpack(QEMU_SUITE, QEMU_PACKAGES, self._qemu)
            (self._qemu / "built").touch()
        # Not by the time of the files: each clone has another.
        made_of = hashlib.sha256(INIT.read_bytes() + Path(__file__).read_bytes()).hexdigest()
        stamp = self._image.with_suffix(".made-of")
        if not (self._image.exists() and stamp.exists() and stamp.read_text() == made_of):
            self._build_image()
            stamp.write_text(made_of)

    def run(
        self, command: str, shares: dict[str, Path], *, prepare: str = "", timeout: float = 300
    ) -> tuple[int, str]:
        """Boot, run a shell command as root, and return its exit status and all its output.

        :param prepare: boot systemd, with the command as one of its services, after this command.
        :param shares: folders of this machine by where the guest has them; 10.0.2.2 there is our loopback.
        :raises LackingError: if the guest gave no answer.
        """
        with tempfile.TemporaryDirectory() as name:
            control = Path(name)
            (control / "command").write_text(command)
            if prepare:
                (control / "prepare").write_text(prepare)
            (control / "shares").write_text("".join(f"share{n} {at}\n" for n, at in enumerate(shares)))
            arguments = [str(word) for word in self._arguments(control, list(shares.values()))]
            try:
                subprocess.run(arguments, stdin=subprocess.DEVNULL, check=True, timeout=timeout, env=self._modules())
            except (subprocess.SubprocessError, OSError) as error:
                raise LackingError(f"the guest did not end well: {error}\n{self._tail(control)}") from None
            output = control / "output"
            if not (control / "status").exists():
                raise LackingError(f"the guest gave no status:\n{self._tail(control)}")
            return int((control / "status").read_text()), output.read_text(errors="replace")

    @staticmethod
    def _tail(control: Path) -> str:
        files = (control / "console", control / "output")
        return "\n".join(file.read_text(errors="replace")[-3000:] for file in files if file.exists())

    def _modules(self) -> dict[str, str]:
        return {**os.environ, "QEMU_MODULE_DIR": str(self._qemu / "usr/lib/x86_64-linux-gnu/qemu")}

    def _arguments(self, control: Path, shares: Sequence[Path]) -> Iterator[str | Path]:
        """Yield QEMU's command line: its own loader first, as its libraries are in the cache, too."""
        top = self._qemu
        yield from (top / "lib64/ld-linux-x86-64.so.2", "--library-path", top / "usr/lib/x86_64-linux-gnu")
        yield from (top / "usr/bin/qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none")
        yield from ("-machine", "q35", "-accel", "tcg", "-cpu", "max", "-smp", "2", "-m", "1536", "-no-reboot")
        yield from ("-kernel", self._kernel, "-initrd", self._image, "-serial", f"file:{control / 'console'}")
        # With an IOMMU, a VF can be given away with vfio, as to a VM. On a busy host, the kernel's check of its timer
        # fails, as that is late, too.
        yield from ("-append", "console=ttyS0 panic=-1 loglevel=4 rdinit=/init intel_iommu=on no_timer_check")
        yield from ("-device", "intel-iommu")
        yield from ("-L", top / "usr/share/seabios", "-L", top / "usr/share/qemu")
        yield from ("-netdev", "user,id=up", "-device", "virtio-net-pci,netdev=up,romfile=")
        # SR-IOV needs a PCIe port of its own.
        yield from ("-device", "pcie-root-port,id=slot1,chassis=1", "-netdev", "hubport,id=card,hubid=0")
        yield from ("-device", "igb,bus=slot1,netdev=card,mac=52:54:00:00:01:00,romfile=")
        for number, folder in enumerate([control, *shares]):
            tag = "control" if number == 0 else f"share{number - 1}"
            yield from ("-fsdev", f"local,id={tag},path={folder.resolve()},security_model=none,multidevs=remap")
            yield from ("-device", f"virtio-9p-pci,fsdev={tag},mount_tag={tag}")

    def _build_image(self) -> None:
        root = self._cache / f"guest-{self._suite}"
        self._unpack(self._suite, GUEST_PACKAGES, root)
        (version,) = (path.name for path in (root / "usr/lib/modules").iterdir())
        shutil.copy(root / "boot" / f"vmlinuz-{version}", self._kernel)
        modules = root / "usr/lib/modules" / version
        (modules / "extra").mkdir(exist_ok=True)
        shutil.copy(self._build_netdevsim(version), modules / "extra/netdevsim.ko")
        _run("depmod", "-b", root, version)
        shown = _run("modprobe", "-d", root, "-S", version, "--show-depends", "-a", *MODULES).splitlines()
        wanted = {Path(line.split()[1]) for line in shown if line.startswith("insmod ")}
        # A guest in memory is as small as can be: only the modules that it loads.
        keep = root / "keep"
        keep.mkdir()
        for path in (*wanted, *modules.glob("modules.builtin*"), modules / "modules.order"):
            shutil.copy(path, keep)
        shutil.rmtree(modules)
        keep.rename(modules)
        _run("depmod", "-b", root, version)
        shutil.rmtree(root / "boot")
        for folder in ("proc", "sys", "dev", "run", "tmp", "root", "control", "etc"):
            (root / folder).mkdir(exist_ok=True)
        (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
        groups = ("root", "tty", "disk", "kmem", "dialout", "video", "audio", "input", "sgx", "kvm", "render", "lp")
        (root / "etc/group").write_text(
            "".join(f"{name}:x:{n}:\n" for n, name in enumerate((*groups, "cdrom", "tape")))
        )
        _prepare_systemd(root / "etc")
        # The shell is dash's: busybox's own prefers its own ip to the real one.
        for applet in _run(root / "usr/bin/busybox", "--list").split():
            if not any(os.path.lexists(root / folder / applet) for folder in ("usr/bin", "usr/sbin")):
                (root / "usr/bin" / applet).symlink_to("/usr/bin/busybox")
        shutil.copy(INIT, root / "init")
        (root / "init").chmod(0o755)
        new = self._image.with_suffix(".new")
        _shell(f"cd '{root}' && find . | cpio -o -H newc --quiet > '{new}'")
        new.rename(self._image)
        shutil.rmtree(root)

    def _build_netdevsim(self, version: str) -> Path:
        """Build the module for a kernel, with that kernel's own compiler and headers."""
        module = self._cache / f"netdevsim-{version}.ko"
        if module.exists():
            return module
        root, suite = self._cache / "compiler", self._suite
        source = f"linux-source-{'.'.join(version.split('.')[:2])}"
        self._unpack(suite, (f"linux-headers-{version}", "make", "dash", "coreutils", "sed", "grep", "mawk"), root)
        (package,) = [deb for deb in self._fetch(suite, (source,)) if deb.name.startswith(source)]
        for folder in ("dev", "tmp", "src"):
            (root / folder).mkdir(exist_ok=True)
        _shell(
            f"cd '{root}' && mknod -m 666 dev/null c 1 3 && ln -sf dash usr/bin/sh && ln -sf mawk usr/bin/awk &&"
            f" ln -sf $(ls usr/bin | grep -x 'gcc-[0-9]*') usr/bin/gcc &&"
            f" dpkg-deb --fsys-tarfile '{package}' | tar -xO ./usr/src/{source}.tar.xz |"
            f" tar -xJ -C src --strip-components=4 {source}/drivers/net/netdevsim"
        )
        headers = f"/usr/src/linux-headers-{version}"
        _run("chroot", root, "make", "-s", "-C", headers, "M=/src", "CONFIG_NETDEVSIM=m", "modules")
        shutil.copy(root / "src/netdevsim.ko", module)
        shutil.rmtree(root)
        return module

    def _unpack(self, suite: str, packages: Sequence[str], target: Path) -> None:
        """Unpack packages, and all that they depend on, without running anything of theirs."""
        shutil.rmtree(target, ignore_errors=True)
        for folder in ("bin", "sbin", "lib", "lib64"):
            (target / "usr" / folder).mkdir(parents=True)
            (target / folder).symlink_to(f"usr/{folder}")
        leave_out = " ".join(f"--exclude='./usr/share/{folder}/*'" for folder in ("doc", "man", "locale", "info"))
        for package in self._fetch(suite, packages):
            _shell(f"dpkg-deb --fsys-tarfile '{package}' | tar -x -C '{target}' --keep-directory-symlink {leave_out}")

    def _fetch(self, suite: str, packages: Sequence[str]) -> list[Path]:
        """Download packages, and all that they depend on, and return the files."""
        base = self._cache / "apt" / suite
        archives = base / "archives"
        for folder in (base / "lists/partial", archives / "partial", base / "none/partial"):
            folder.mkdir(parents=True, exist_ok=True)
        (base / "status").touch()
        sources = base / "sources.list"
        if not sources.exists():
            sources.write_text("".join(_mirrors(suite)))
        updated = base / "updated"
        if not updated.exists() or time.time() - updated.stat().st_mtime > 86400:
            print(f"Reading what Debian {suite} has", file=sys.stderr)
            self._apt(base, "update")
            updated.touch()
        # Against an empty archive, so that what is there already is named, too.
        uris = self._apt(base, "-y", "--print-uris", "install", *packages, archives=base / "none")
        names = [line.split()[1] for line in uris.splitlines() if line.startswith("'")]
        print(f"Fetching {len(names)} packages of Debian {suite}", file=sys.stderr)
        self._apt(base, "-y", "--download-only", "install", *packages)
        return [archives / name for name in names]

    def _apt(self, base: Path, *arguments: str, archives: Path | None = None) -> str:
        """Run apt-get on a world of its own, never the machine's."""
        options = {
            "Dir::Etc::sourcelist": base / "sources.list",
            "Dir::Etc::sourceparts": "/dev/null",
            "Dir::Etc::preferencesparts": "/dev/null",
            "Dir::State::Lists": base / "lists",
            "Dir::State::status": base / "status",
            "Dir::Cache": base,
            "Dir::Cache::archives": archives or base / "archives",
            "APT::Sandbox::User": "root",
            "APT::Architecture": "amd64",
            "APT::Install-Recommends": "false",
            "Binary::apt-get::APT::Keep-Downloaded-Packages": "true",
            "Acquire::Languages": "none",
        }
        return _run(
            "apt-get", "-qq", *(word for name, to in options.items() for word in ("-o", f"{name}={to}")), *arguments
        )


def _prepare_systemd(etc: Path) -> None:
    """Write what the packages' scripts would have: systemd boots to the target of which our command is a part."""
    (etc / "machine-id").write_text("0123456789abcdef0123456789abcdef\n")
    (etc / "os-release").write_text("ID=debian\nPRETTY_NAME=guest\n")
    units = etc / "systemd/system"
    (units / "multi-user.target.wants").mkdir(parents=True, exist_ok=True)
    (units / "default.target").symlink_to("/usr/lib/systemd/system/multi-user.target")
    (units / "guest.service").write_text(GUEST_SERVICE)
    (units / "multi-user.target.wants/guest.service").symlink_to("../guest.service")
    # Nobody logs in, and there is no D-Bus to do it with.
    for name in ("systemd-logind.service", "getty.target", "systemd-networkd.service", "systemd-networkd.socket"):
        (units / name).symlink_to("/dev/null")


def _mirrors(suite: str) -> Iterator[str]:
    """Yield lines for another release from where this machine's own packages come from."""
    for uri in sorted(set(_run("apt-get", "indextargets", "--format", "$(REPO_URI)").split())):
        if uri.endswith("/debian/"):
            yield f"deb [signed-by={KEYRING}] {uri} {suite} main\n"
        elif uri.endswith("/debian-security/"):
            yield f"deb [signed-by={KEYRING}] {uri} {suite}-security main\n"


def _run(*words: str | Path) -> str:
    """Run a command and return what it prints.

    :raises LackingError: if it fails.
    """
    run = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)
    if run.returncode:
        raise LackingError(f"{words[0]} failed ({run.returncode}): {run.stderr.strip()[-2000:]}")
    return run.stdout


def _shell(script: str) -> str:
    return _run("bash", "-eo", "pipefail", "-c", script)
