#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Our client against our daemon, over every way there is between them."""
import os
import pathlib
import select
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.parse

import pytest
import virtapi
from conftest import BUILD, DEADLINE
from daemons import Virtmond, end


def run(*words, **kwargs):
    subprocess.run([str(word) for word in words], check=True, timeout=DEADLINE,
                   stdin=subprocess.DEVNULL, capture_output=True, **kwargs)


@pytest.fixture(scope="module")
def place():
    path = pathlib.Path(tempfile.mkdtemp(prefix="vm-"))
    yield path
    shutil.rmtree(path)


def started(place, name, config):
    folder = place / name
    folder.mkdir()
    daemon = Virtmond(folder, *(["--listen"] if config else []), config=config)
    try:
        daemon.guest = daemon.start_guest("g1")
        yield daemon
    finally:
        daemon.close()


@pytest.fixture(scope="module")
def unix_daemon(place):
    yield from started(place, "u", "")


@pytest.fixture(scope="module")
def tcp_daemon(place):
    yield from started(place, "t", 'listen_tcp = 1\nlisten_tls = 0\nlisten_addr = "127.0.0.1"\n'
                       'tcp_port = "0"\nauth_tcp = "none"\n')


def port_of(process):
    """The only TCP port that it listens on, in time."""
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline and process.poll() is None:
        sockets = set()
        for file in pathlib.Path(f"/proc/{process.pid}/fd").iterdir():
            try:
                sockets.add(os.readlink(file))
            except OSError:
                pass                    # closed meanwhile
        for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
            words = line.split()
            if words[3] == "0A" and f"socket:[{words[9]}]" in sockets:
                return int(words[1].split(":")[1], 16)
        select.select([], [], [], 0.01)
    pytest.fail("it does not listen")


def works(conn, guest):
    """A call with a large answer, a command, an event."""
    domain = conn.domain("g1")
    assert "<name>g1</name>" in domain.xml()
    assert len(domain.monitor('{"execute":"query-qmp-schema"}')) > 100000
    watch = conn.watch("ST*", None, virtapi.GLOB)
    guest.command("stop")
    guest.command("cont")
    event, = watch.wait(1)
    assert (event.domain, event.name) == ("g1", "STOP")


def refused(connect, uri, flags=0):
    with pytest.raises(virtapi.Error) as error:
        connect(uri, flags)
    return error.value


def with_query(uri, **parameters):
    return uri + "?" + urllib.parse.urlencode(parameters, quote_via=urllib.parse.quote)


# --- unix, tcp, ext ---

def test_unix(unix_daemon, connect):
    conn = connect(unix_daemon.uri())
    works(conn, unix_daemon.guest)
    assert conn.is_secure() and not conn.is_encrypted()


def test_tcp(tcp_daemon, connect):
    port = port_of(tcp_daemon.process)
    conn = connect(f"qemu+tcp://127.0.0.1:{port}/system")
    works(conn, tcp_daemon.guest)
    assert not conn.is_secure() and not conn.is_encrypted()
    with pytest.raises(virtapi.Error) as error:
        conn.domain("g1").monitor_with_files('{"execute":"getfd"}', [0])
    assert "file descriptors" in error.value.message
    assert conn.is_alive()
    assert connect(f"qemu+tcp://localhost:{port}/system", virtapi.READ_ONLY).count() == 1


def test_nobody_listens(connect):
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
        error = refused(connect, f"qemu+tcp://127.0.0.1:{port}/system")
    assert error.code == virtapi.ERR_SYSTEM_ERROR
    assert error.message == \
        f"unable to connect to server at '127.0.0.1:{port}': Connection refused"
    error = refused(connect, "qemu+unix:///system?socket=/nonexistent")
    assert error.message == \
        "Failed to connect socket to '/nonexistent': No such file or directory"


def script(path, text):
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return path


def test_ext(unix_daemon, connect, folder):
    command = script(folder / "way", f"exec nc -U {unix_daemon.socket()}\n")
    conn = connect(with_query("qemu+ext:///system", command=command))
    works(conn, unix_daemon.guest)
    assert conn.is_secure() and not conn.is_encrypted()


@pytest.mark.parametrize("text, said", [
    ("echo 'no way to get there' >&2; exit 1\n", "no way to get there"),
    ("exit 3\n", ""), ("head -c 28 >/dev/null\n", ""),
    ("echo 'This is not libvirt, at all'\n", "too large"),
])
def test_ext_that_leads_nowhere(connect, folder, text, said):
    """What the command complains of is what the user reads."""
    command = script(folder / "way", text)
    error = refused(connect, with_query("qemu+ext:///system", command=command))
    assert error.code in (virtapi.ERR_SYSTEM_ERROR, virtapi.ERR_RPC)
    assert said in error.message
    error = refused(connect, "qemu+ext:///system?command=/nonexistent")
    assert "/nonexistent" in error.message


# --- tls ---

class Certificates:
    """Authorities, and what they have signed."""

    def __init__(self, folder):
        self.folder = folder
        for name in ("ca", "other"):
            self.make(name, None, "ca\ncert_signing_key\n")
        server = "tls_www_server\nsigning_key\nencryption_key\n"
        client = "tls_www_client\nsigning_key\nencryption_key\n"
        self.make("server", "ca", server + "dns_name = localhost\nip_address = 127.0.0.1\n")
        self.make("elsewhere", "ca", server + "dns_name = elsewhere.example\n")
        self.make("old", "ca", server + "dns_name = localhost\nip_address = 127.0.0.1\n",
                  expired=True)
        self.make("client", "ca", client)
        self.make("stranger", "ca", client)
        self.make("impostor", "other", client)
        self.make("expired", "ca", client, expired=True)
        self.directory("mine", "ca", "client")
        self.directory("nobody", "ca", None)
        self.directory("stranger", "ca", "stranger")
        self.directory("impostor", "ca", "impostor")
        self.directory("expired", "ca", "expired")
        self.directory("distrustful", "other", "client")

    def path(self, name, kind="cert"):
        return self.folder / f"{name}.{kind}"

    def make(self, name, issuer, template, expired=False):
        dates = ('activation_date = "2020-01-01 00:00:00"\nexpiration_date = '
                 '"2020-02-01 00:00:00"\n') if expired else "expiration_days = 2\n"
        self.path(name, "template").write_text(
            f"cn = {name}\norganization = Example\n{dates}{template}")
        # libvirt 9.0 wants keys that could encrypt one, as those of elliptic curves cannot.
        run("certtool", "--generate-privkey", "--key-type", "rsa", "--bits", "2048", "--outfile",
            self.path(name, "key"))
        words = ["--load-privkey", self.path(name, "key"), "--template",
                 self.path(name, "template"), "--outfile", self.path(name)]
        if issuer:
            words = ["--generate-certificate", "--load-ca-certificate", self.path(issuer),
                     "--load-ca-privkey", self.path(issuer, "key"), *words]
        else:
            words = ["--generate-self-signed", *words]
        run("certtool", *words)

    def directory(self, name, authority, client):
        """As pkipath= wants it."""
        path = self.folder / name
        path.mkdir()
        shutil.copy(self.path(authority), path / "cacert.pem")
        if client:
            shutil.copy(self.path(client), path / "clientcert.pem")
            shutil.copy(self.path(client, "key"), path / "clientkey.pem")

    def config(self, server, extra=""):
        return ('listen_tls = 1\nlisten_tcp = 0\nlisten_addr = "127.0.0.1"\ntls_port = "0"\n'
                f'ca_file = "{self.path("ca")}"\ncert_file = "{self.path(server)}"\n'
                f'key_file = "{self.path(server, "key")}"\n{extra}')


@pytest.fixture(scope="module")
def certificates(place):
    path = place / "c"
    path.mkdir()
    return Certificates(path)


@pytest.fixture(scope="module")
def tls_daemon(place, certificates):
    yield from started(place, "s", certificates.config(
        "server", 'tls_allowed_dn_list = [ "O=Nobody,CN=*", "O=Example,CN=cl*" ]\n'))


def tls_uri(daemon, certificates, pki, host="localhost", **parameters):
    return with_query(f"qemu+tls://{host}:{port_of(daemon.process)}/system",
                      pkipath=certificates.folder / pki, **parameters)


def test_tls(tls_daemon, certificates, connect):
    for host in ("localhost", "127.0.0.1"):
        conn = connect(tls_uri(tls_daemon, certificates, "mine", host))
        works(conn, tls_daemon.guest)
        assert conn.is_secure() and conn.is_encrypted()
        conn.close()


def test_tls_is_what_a_host_means(tls_daemon, certificates, connect):
    uri = tls_uri(tls_daemon, certificates, "mine").replace("+tls", "")
    assert connect(uri).is_encrypted()


@pytest.mark.parametrize("pki, parameters, code, words", [
    ("nobody", {}, virtapi.ERR_SYSTEM_ERROR, ""),
    ("stranger", {}, virtapi.ERR_SYSTEM_ERROR, ""),
    ("impostor", {"no_sanity": 1}, virtapi.ERR_SYSTEM_ERROR, ""),
    ("impostor", {}, virtapi.ERR_SYSTEM_ERROR, "clientcert.pem"),
    ("expired", {}, virtapi.ERR_SYSTEM_ERROR, "expired"),
    ("expired", {"no_sanity": 1}, virtapi.ERR_SYSTEM_ERROR, ""),
    ("distrustful", {"no_sanity": 1}, virtapi.ERR_AUTH_FAILED, "certificate"),
    ("missing", {}, virtapi.ERR_SYSTEM_ERROR, "cacert.pem"),
    ("mine", {"tls_priority": "NONSENSE"}, virtapi.ERR_GNUTLS_ERROR, "NONSENSE"),
], ids=str)
def test_tls_refused(tls_daemon, certificates, connect, pki, parameters, code, words):
    """By either side, with the reason as far as it is known."""
    error = refused(connect, tls_uri(tls_daemon, certificates, pki, **parameters))
    assert words in error.message
    assert error.code == code
    # Nobody else is troubled by it.
    assert connect(tls_uri(tls_daemon, certificates, "mine")).count() == 1


@pytest.mark.parametrize("server, words", [("elsewhere", "localhost"), ("old", "expired")])
def test_tls_to_another(start_virtmond, certificates, connect, server, words):
    """A server that cannot be the one that was meant; whoever doesn't mind says so."""
    daemon = start_virtmond("--listen", config=certificates.config(
        server, "tls_no_sanity_certificate = 1\n"))
    error = refused(connect, tls_uri(daemon, certificates, "mine"))
    assert error.code == virtapi.ERR_AUTH_FAILED
    assert words in error.message
    assert connect(tls_uri(daemon, certificates, "mine", no_verify=1)).count() == 0


def test_plain_and_tls_do_not_mix(tls_daemon, tcp_daemon, certificates, connect):
    error = refused(connect, f"qemu+tcp://localhost:{port_of(tls_daemon.process)}/system")
    assert error.code in (virtapi.ERR_SYSTEM_ERROR, virtapi.ERR_RPC)
    error = refused(connect, tls_uri(tcp_daemon, certificates, "mine"))
    assert error.code == virtapi.ERR_GNUTLS_ERROR
    assert error.message.startswith("TLS handshake failed")


# --- ssh ---

# A namespace of its own, where sshd finds its folder and libvirt's helper its daemon.
SSHD = """
set -e
mount --make-rprivate /
mount -t tmpfs tmpfs /run
mkdir -p /run/sshd /run/libvirt
ln -s "$2" /run/libvirt/libvirt-sock
ln -s "$3" /run/libvirt/libvirt-sock-ro
sed 's/^root:[^:]*:/root:*:/' /etc/shadow >"$1/shadow"
mount --bind "$1/shadow" /etc/shadow
exec /usr/sbin/sshd -D -e -f "$1/sshd_config"
"""


class Sshd:
    def __init__(self, folder, daemon):
        self.folder = folder
        self.log = folder / "sshd.log"
        self.process = None
        for name in ("host", "user", "wrong"):
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name)
        shutil.copy(folder / "user.pub", folder / "authorized_keys")
        (folder / "ssh_config").write_text(
            f"UserKnownHostsFile {folder}/known_hosts\nGlobalKnownHostsFile /dev/null\n"
            "IdentitiesOnly yes\nLogLevel ERROR\n")
        self.ssh = script(folder / "ssh", f'exec /usr/bin/ssh -F {folder}/ssh_config "$@"\n')
        # A port that is free is not for ever: whoever comes too late takes the next.
        for _ in range(5):
            with socket.socket() as sock:
                sock.bind(("127.0.0.1", 0))
                self.port = sock.getsockname()[1]
            (folder / "sshd_config").write_text(
                f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\n"
                f"AuthorizedKeysFile {folder}/authorized_keys\nStrictModes no\nUsePAM no\n"
                "PermitRootLogin yes\nPasswordAuthentication no\n"
                "KbdInteractiveAuthentication no\nPidFile none\n")
            with open(self.log, "ab") as log:
                self.process = subprocess.Popen(
                    ["unshare", "--mount", "bash", "-c", SSHD, "sshd", str(folder),
                     str(daemon.socket()), str(daemon.socket(True))],
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            if self.listens():
                break
        else:
            pytest.fail("no sshd; log:\n" + self.log.read_text()[-3000:])
        host = (folder / "host.pub").read_text()
        (folder / "known_hosts").write_text(f"[127.0.0.1]:{self.port} {host}")

    def listens(self):
        deadline = time.monotonic() + DEADLINE
        while self.process.poll() is None and time.monotonic() < deadline:
            if "Server listening" in self.log.read_text():
                return True
            select.select([], [], [], 0.01)
        end(self.process)
        return False

    def uri(self, path="system", key="user", **parameters):
        return with_query(f"qemu+ssh://root@127.0.0.1:{self.port}/{path}", command=self.ssh,
                          keyfile=self.folder / key, no_tty=1, **parameters)

    def close(self):
        end(self.process)


@pytest.fixture(scope="module")
def sshd(place, unix_daemon):
    if os.geteuid() != 0:
        pytest.skip("needs root")
    path = place / "h"
    path.mkdir()
    server = Sshd(path, unix_daemon)
    yield server
    server.close()


@pytest.mark.parametrize("parameters", [
    {}, {"proxy": "native"}, {"proxy": "netcat"}, {"netcat": "/bin/nc"}, {"mode": "legacy"},
], ids=str)
def test_ssh(sshd, unix_daemon, connect, parameters):
    """By libvirt's helper on the far side, or by netcat."""
    conn = connect(sshd.uri(**parameters))
    works(conn, unix_daemon.guest)
    assert conn.is_secure() and not conn.is_encrypted()
    conn.close()
    reader = connect(sshd.uri(**parameters), virtapi.READ_ONLY)
    with pytest.raises(virtapi.Error) as error:
        reader.domain("g1").suspend()
    assert error.value.code == virtapi.ERR_OPERATION_DENIED


def test_ssh_to_a_socket(sshd, start_virtmond, connect):
    """With characters in its path that mean something to shells."""
    daemon = start_virtmond()
    odd = daemon.folder / "a 'b' $(c) \"d\";&"
    odd.symlink_to(daemon.socket())
    assert connect(sshd.uri(socket=odd)).count() == 0


@pytest.mark.parametrize("parameters, words", [
    ({"key": "wrong"}, "Permission denied"),
    ({"socket": "/nonexistent"}, "nonexistent"),
    ({"netcat": "/no/netcat"}, "/no/netcat"),
], ids=str)
def test_ssh_refused(sshd, connect, parameters, words):
    """What ssh complains of, or the far side, is what the user reads."""
    error = refused(connect, sshd.uri(**parameters))
    assert error.code == virtapi.ERR_SYSTEM_ERROR
    assert words in error.message


def test_ssh_to_an_unknown_host(sshd, connect, folder):
    config = folder / "ssh_config"
    config.write_text(f"UserKnownHostsFile {folder}/known_hosts\n"
                      "GlobalKnownHostsFile /dev/null\nIdentitiesOnly yes\n")
    ssh = script(folder / "ssh", f'exec /usr/bin/ssh -F {config} "$@"\n')
    uri = sshd.uri().replace(urllib.parse.quote(str(sshd.ssh)), urllib.parse.quote(str(ssh)))
    uri = uri.replace(urllib.parse.quote(str(sshd.ssh), safe=""),
                      urllib.parse.quote(str(ssh), safe=""))
    error = refused(connect, uri)
    assert "Host key verification failed" in error.message
    assert connect(uri + "&no_verify=1").count() == 1


def test_ssh_goes_with_its_connection(sshd, connect):
    conn = connect(sshd.uri())
    children = pathlib.Path(f"/proc/self/task/{os.getpid()}/children")
    before = children.read_text().split()
    conn.close()
    after = children.read_text().split()
    assert len(after) == len(before) - 1


# --- the shell ---

def test_the_shell(unix_daemon, tcp_daemon, tls_daemon, sshd, certificates):
    """One session, all the ways, one after the other."""
    port = port_of(tcp_daemon.process)
    uris = [unix_daemon.uri(), f"qemu+tcp://localhost:{port}/system",
            tls_uri(tls_daemon, certificates, "mine"), sshd.uri()]
    commands = "".join(f"connect '{uri}'\ndomid g1\n" for uri in uris)
    done = subprocess.run([str(BUILD / "tools" / "virtmon")], input=commands, text=True,
                          capture_output=True, timeout=DEADLINE, check=False,
                          env={**os.environ, "LC_ALL": "C.UTF-8"})
    assert done.stdout.split().count("1") == len(uris), done.stdout + done.stderr
    assert "error" not in done.stderr
