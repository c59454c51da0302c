"""Servers that ask who we are: TLS, digest, SASL and access control lists, each on a real ZooKeeper."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from kazoo.client import KazooClient
from kazoo.security import make_acl, make_digest_acl

from pvc_cli.connections.resolve import resolve
from pvc_cli.errors import ConfigError, PvcError, UnreachableError
from pvc_cli.sandbox.demo import fill
from pvc_cli.sandbox.server import Server, free_ports
from pvc_cli.zk import Access, Tls, ZKHandler, ZKSchema
from tests.conftest import Pvc, Tree

SECRET = "correct horse"


class Pki:
    """A certificate authority, certificates of its, and one of a stranger's."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        self._openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=Authority",
                      "-keyout", "ca.key", "-out", "ca.pem", "-addext", "keyUsage=critical,keyCertSign")  # fmt: skip
        self._openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=Stranger",
                      "-keyout", "stranger.key", "-out", "stranger.pem")  # fmt: skip
        self.issue("server", "DNS:localhost,IP:127.0.0.1")
        self.issue("client", "DNS:client")
        self.issue("elsewhere", "DNS:elsewhere.example")

    def issue(self, name: str, names: str) -> None:
        """Make a certificate; NAME.pem has the key in it, too, as ZooKeeper wants it."""
        (self.folder / "names").write_text(f"subjectAltName={names}\n")
        self._openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}",
                      "-keyout", f"{name}.key", "-out", f"{name}.csr")  # fmt: skip
        self._openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                      "-days", "2", "-extfile", "names", "-out", f"{name}.crt")  # fmt: skip
        both = (self.folder / f"{name}.key").read_text() + (self.folder / f"{name}.crt").read_text()
        (self.folder / f"{name}.pem").write_text(both)

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)

    def __truediv__(self, name: str) -> Path:
        return self.folder / name


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki(tmp_path_factory.mktemp("pki") / "pki")


def secure_server(folder: Path, pki: Pki, certificate: str, client_auth: str = "none") -> Server:
    """A server that speaks TLS and nothing else."""
    (port,) = free_ports(1)
    server = Server(folder, port)
    server.settings.update({
        "clientPort": "",
        "clientPortAddress": "",
        "secureClientPort": str(port),
        "secureClientPortAddress": "127.0.0.1",
        "serverCnxnFactory": "org.apache.zookeeper.server.NettyServerCnxnFactory",
        "ssl.keyStore.type": "PEM",
        "ssl.keyStore.location": str(pki / f"{certificate}.pem"),
        "ssl.trustStore.type": "PEM",
        "ssl.trustStore.location": str(pki / "ca.pem"),
        "ssl.clientAuth": client_auth,
    })  # fmt: skip
    server.launch()
    return server


def fill_when_ready(hosts: str, access: Access) -> None:
    until = time.monotonic() + 30
    while True:
        try:
            with ZKHandler(hosts, access=access, timeout=1):
                break
        except UnreachableError:
            assert time.monotonic() < until
    # Not again and again: what is cut off half-way cannot be filled once more.
    with ZKHandler(hosts, access=access) as handler:
        fill(handler, vms=5, schema=ZKSchema())


@pytest.fixture(scope="module")
def secure(zookeeper: None, tmp_path_factory: pytest.TempPathFactory, pki: Pki) -> Iterator[str]:
    """A demo cluster on a TLS-only server, all of it for one user only."""
    server = secure_server(tmp_path_factory.mktemp("secure"), pki, "server")
    hosts = f"localhost:{server.port}"
    try:
        fill_when_ready(hosts, Access(user="pvc", password=SECRET, acl="creator", tls=Tls(pki / "ca.pem")))
        yield hosts
    finally:
        server.stop()


def keep(entry: dict[str, object], mode: int = 0o600) -> Path:
    """Write the connections file, as a person would."""
    path = Path(os.environ["XDG_CONFIG_HOME"]) / "pvc" / "connections.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump({"current": "safe", "connections": {"safe": entry}}))
    path.chmod(mode)
    return path


def test_a_server_is_asked_how_it_is_over_tls_too(pvc: Pvc, secure: str, pki: Pki) -> None:
    entry = {"coordinators": secure, "user": "pvc", "password": SECRET, "tls": True, "ca": str(pki / "ca.pem")}
    keep(entry)
    document = json.loads(pvc("connection", "test", "safe", "-o", "json").out)
    assert [(server["state"], server["role"]) for server in document["servers"]] == [("serves", "standalone")]
    keep({**entry, "ca": str(pki / "stranger.pem")})
    result = pvc("--timeout", "2", "connection", "test", "safe", "-o", "json")
    (server,) = json.loads(result.out)["servers"]
    assert (result.code, server["state"]) == (4, "down")
    assert "certificate verify failed" in server["reason"]
    assert SECRET not in result.out + result.err


def test_a_tag_is_added_over_tls_by_a_kept_connection_and_refused_without(pvc: Pvc, secure: str, pki: Pki) -> None:
    entry = {"coordinators": secure, "user": "pvc", "password": SECRET, "tls": True, "ca": str(pki / "ca.pem")}
    keep(entry)
    assert pvc("vm", "tag", "add", "web-01", "blue").code == 0
    assert "blue" in pvc("vm", "tag", "list", "web-01", "-o", "name").out.split()
    started = time.monotonic()
    assert len(json.loads(pvc("vm", "list", "-o", "json").out)) == 5
    assert time.monotonic() - started < 2, "what lay decrypted was left lying"
    # No TLS, no user, another password, another authority: each one line, and nothing of the password.
    result = pvc("--coordinators", secure, "--timeout", "2", "vm", "tag", "add", "web-01", "green")
    assert (result.code, result.out, result.err.count("\n")) == (4, "", 1)
    for change, code, said in (
        ({"user": None, "password": None}, 1, "ZooKeeper denied access to /schema/version"),
        ({"password": "wrong"}, 1, "ZooKeeper denied access to /schema/version"),
        ({"ca": str(pki / "stranger.pem")}, 4, "certificate verify failed"),
    ):
        keep({name: value for name, value in {**entry, **change}.items() if value is not None})
        result = pvc("--timeout", "2", "vm", "tag", "add", "web-01", "green")
        assert (result.code, result.out, result.err.count("\n")) == (code, "", 1), result.err
        assert said in result.err
        assert SECRET not in result.err


@pytest.mark.usefixtures("zookeeper")
def test_a_certificate_for_another_name_is_refused_unless_that_is_wanted(tmp_path: Path, pki: Pki) -> None:
    server = secure_server(tmp_path / "server", pki, "elsewhere")
    hosts = f"localhost:{server.port}"
    try:
        fill_when_ready(hosts, Access(tls=Tls(pki / "ca.pem", check_hostname=False)))
        with pytest.raises(UnreachableError, match="Hostname mismatch"):
            ZKHandler(hosts, access=Access(tls=Tls(pki / "ca.pem")), timeout=1).connect()
    finally:
        server.stop()


@pytest.mark.usefixtures("zookeeper")
def test_a_server_that_asks_for_a_certificate_gets_ours(tmp_path: Path, pki: Pki) -> None:
    server = secure_server(tmp_path / "server", pki, "server", client_auth="need")
    hosts = f"127.0.0.1:{server.port}"
    try:
        fill_when_ready(hosts, Access(tls=Tls(pki / "ca.pem", pki / "client.crt", pki / "client.key")))
        with pytest.raises(UnreachableError):
            ZKHandler(hosts, access=Access(tls=Tls(pki / "ca.pem")), timeout=1).connect()
    finally:
        server.stop()


@pytest.fixture
def sasl(zookeeper: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server that knows one user by SASL, and lets nobody else open a session."""
    jaas = tmp_path / "jaas.conf"
    jaas.write_text(
        f'Server {{\n org.apache.zookeeper.server.auth.DigestLoginModule required user_pvc="{SECRET}";\n}};\n'
    )
    server = Server(tmp_path / "server", free_ports(1)[0])
    server.settings.update({
        "authProvider.1": "org.apache.zookeeper.server.auth.SASLAuthenticationProvider",
        "enforce.auth.enabled": "true",
        "enforce.auth.schemes": "sasl",
    })  # fmt: skip
    with monkeypatch.context() as environment:
        environment.setenv("JAVA_TOOL_OPTIONS", f"-Djava.security.auth.login.config={jaas}")
        server.start()
    yield server.hosts
    server.stop()


def test_sasl_lets_the_right_user_in_and_no_other(sasl: str) -> None:
    with ZKHandler(sasl, access=Access(user="pvc", password=SECRET, scheme="sasl", acl="creator")) as handler:
        fill(handler, vms=3, schema=ZKSchema())
        assert len(handler.children("base.domain") or ()) == 3
    with pytest.raises(PvcError) as caught:
        ZKHandler(sasl, access=Access(user="pvc", password="wrong", scheme="sasl"), timeout=2).connect()
    assert SECRET not in str(caught.value)
    assert "wrong" not in str(caught.value)


def test_what_an_acl_refuses_is_one_line_and_exit_1(pvc: Pvc, tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tree is the user's, and others may only read it."""
    owner = KazooClient(tree.hosts, auth_data=[("digest", f"pvc:{SECRET}")])
    owner.start()
    acl = [make_digest_acl("pvc", SECRET, all=True), make_acl("world", "anyone", read=True)]
    uuid = tree.uuid("web-01")
    for path in ("/domains", f"/domains/{uuid}", f"/domains/{uuid}/tags", f"/domains/{uuid}/tags/production"):
        owner.set_acls(path, acl)
    owner.stop()
    owner.close()
    monkeypatch.setenv("PVC_COORDINATORS", tree.hosts)
    before = tree.dump()
    assert pvc("vm", "list").code == 0
    for arguments in (("add", "web-01", "blue"), ("remove", "web-01", "production")):
        result = pvc("vm", "tag", *arguments)
        assert (result.code, result.out, result.err.count("\n")) == (1, "", 1)
        assert f"ZooKeeper denied access to /domains/{uuid}/tags" in result.err
    assert tree.dump() == before
    monkeypatch.setenv("PVC_ZK_USER", "pvc")
    monkeypatch.setenv("PVC_ZK_PASSWORD", SECRET)
    monkeypatch.setenv("PVC_ZK_ACL", "creator")
    assert pvc("vm", "tag", "add", "web-01", "blue").code == 0
    tree.client.add_auth("digest", f"pvc:{SECRET}")
    (entry,) = tree.client.get_acls(f"/domains/{uuid}/tags/blue")[0]
    assert (entry.id.scheme, entry.id.id.partition(":")[0]) == ("digest", "pvc")


def test_what_is_created_has_the_acl_that_is_wanted(tree: Tree) -> None:
    access = Access(acl="world:anyone:r,ip:127.0.0.1:cdrwa")
    with ZKHandler(tree.hosts, access=access) as handler:
        handler.write([(("domain.meta.tags", tree.uuid("web-01"), "tag", "t"), "t")])
    entries = tree.client.get_acls(f"/domains/{tree.uuid('web-01')}/tags/t")[0]
    assert {(e.id.scheme, e.id.id, tuple(sorted(e.acl_list))) for e in entries} == {
        ("world", "anyone", ("READ",)), ("ip", "127.0.0.1", ("ALL",))
    }  # fmt: skip


def test_a_password_that_lies_open_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = keep({"coordinators": "hv1", "user": "pvc", "password": SECRET}, mode=0o640)
    with pytest.raises(ConfigError, match=f"{path} contains a password and others can read it: run chmod 600"):
        resolve(None, None)
    path = keep({"coordinators": "hv1"}, mode=0o644)
    assert resolve(None, None).access == Access()
    password = tmp_path / "password"
    password.write_text(f"{SECRET}\n")
    password.chmod(0o600)
    keep({"coordinators": "hv1", "user": "pvc", "password_file": str(password)})
    assert resolve(None, None).access == Access(user="pvc", password=SECRET)
    assert SECRET not in repr(resolve(None, None))
    password.chmod(0o604)
    with pytest.raises(ConfigError, match="others can read it"):
        resolve(None, None)
    password.unlink()
    with pytest.raises(ConfigError, match=r"password file .* does not exist"):
        resolve(None, None)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"user": "pvc"}, "a user and a password go together"),
        ({"password": "x"}, "a user and a password go together"),
        ({"user": "a:b", "password": "x"}, "invalid user 'a:b'"),
        ({"user": "pvc", "password": "x", "login": "kerberos"}, "unknown login scheme 'kerberos'"),
        ({"acl": "creator"}, "ACL 'creator' needs a user"),
        ({"acl": "world:anyone"}, "invalid ACL entry 'world:anyone'"),
        ({"certificate": "/c"}, "a client certificate and its key go together"),
        ({"tls": "perhaps"}, "tls is 'perhaps': use yes or no"),
        ({"passwort": "x"}, "unknown setting 'passwort': use one of user, password, password_file"),
    ],
)
def test_an_entry_that_makes_no_sense_is_named(entry: dict[str, object], said: str) -> None:
    path = keep({"coordinators": "hv1", **entry})
    with pytest.raises(ConfigError) as caught:
        resolve(None, None)
    assert str(caught.value).startswith(f"{path}, connection 'safe': ")
    assert said in str(caught.value)


def test_a_certificate_that_is_none_is_a_configuration_error(pvc: Pvc, tmp_path: Path, pki: Pki) -> None:
    for ca, said in ((tmp_path / "nope", "does not exist"), (tmp_path, "cannot be used for TLS")):
        keep({"coordinators": "127.0.0.1:1", "ca": str(ca)})
        result = pvc("vm", "list")
        assert (result.code, result.err.count("\n")) == (3, 1)
        assert said in result.err


def test_a_connection_is_added_with_all_that_it_needs_and_shows_no_password(
    pvc: Pvc, secure: str, pki: Pki, tmp_path: Path
) -> None:
    password = tmp_path / "password"
    password.write_text(SECRET)
    password.chmod(0o600)
    arguments = ("--user", "pvc", "--password-file", str(password), "--ca", str(pki / "ca.pem"), "--acl", "creator")
    assert pvc("connection", "add", "safe", secure, *arguments).code == 0
    assert pvc("connection", "add", "safe", secure, *arguments).err.startswith("Connection 'safe' is saved already")
    assert pvc("vm", "tag", "add", "web-01", "kept").code == 0
    result = pvc("connection", "show")
    assert "User:         pvc (digest)" in result.out
    assert f"TLS:          yes, CA {pki / 'ca.pem'}" in result.out
    assert SECRET not in result.out
    assert json.loads(pvc("connection", "show", "-o", "json").out)["tls"] is True
    # What the file says is kept when another connection is added.
    assert pvc("connection", "add", "other", "hv1").code == 0
    assert pvc("connection", "use", "safe").code == 0
    assert pvc("vm", "list").code == 0
    result = pvc("connection", "add", "third", "hv1", "--user", "pvc")
    assert (result.code, result.out) == (1, "")
    assert "no terminal to ask for the password on: rerun with --password-file" in result.err


@pytest.mark.parametrize(
    "hosts", ["[::1]:{port}", "127.0.0.1:1,localhost:{port}", "nosuchhost.invalid,127.0.0.1:{port}"]
)
def test_every_way_to_name_servers_leads_to_the_one_that_is_there(
    tmp_path: Path, hosts: str, make_server: Callable[[str], Server]
) -> None:
    server = make_server("::1" if "::1" in hosts else "127.0.0.1")
    with ZKHandler(hosts.format(port=server.port), timeout=10) as handler:
        assert handler.schema.version == 0


@pytest.fixture
def make_server(zookeeper: None, tmp_path: Path) -> Iterator[Callable[[str], Server]]:
    started: list[Server] = []

    def make(address: str) -> Server:
        server = Server(tmp_path / "server", free_ports(1)[0])
        server.settings["clientPortAddress"] = address
        started.append(server)
        server.launch()
        until = time.monotonic() + 30
        while True:
            try:
                with ZKHandler(f"[{address}]:{server.port}" if ":" in address else server.hosts, timeout=1):
                    return server
            except UnreachableError:
                assert time.monotonic() < until

    yield make
    for server in started:
        server.stop()


def test_a_restore_does_not_create_a_password_for_everyone_where_access_is_restricted(
    tree: Tree, pvc: Pvc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PVC_COORDINATORS", tree.hosts)
    for node in tree.client.get_children("/nodes"):
        tree.client.set(f"/nodes/{node}/daemonstate", b"stop")
    file = tmp_path / "backup.json"
    assert pvc("cluster", "backup", str(file)).code == 0
    tree.client.delete("/nodes/pvchv1/ipmipassword")
    tree.client.set_acls("/nodes", [make_acl("world", "anyone", all=True), make_acl("digest", "x:y", read=True)])
    words = ("cluster", "restore", str(file), "--yes", "--no-backup")
    result = pvc(*words)
    assert (result.code, result.err.count("\n")) == (1, 1)
    assert "cannot create /nodes/pvchv1/ipmipassword readable by everyone" in result.err
    assert not tree.client.exists("/nodes/pvchv1/ipmipassword")
    monkeypatch.setenv("PVC_ZK_ACL", "world:anyone:cdrwa,ip:127.0.0.1:r")
    assert pvc(*words).code == 0
    assert len(tree.client.get_acls("/nodes/pvchv1/ipmipassword")[0]) == 2
