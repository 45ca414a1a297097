#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who is let in by a daemon, and who isn't: SASL with a real database, a real polkitd."""
import contextlib
import fcntl
import json
import os
import pathlib
import select
import shutil
import signal
import struct
import subprocess
import tempfile
import termios
import time

import pytest
import virtapi
import wire
from conftest import BUILD, DEADLINE, freeze, thaw
from daemons import Libvirtd, Virtmond
from polkit import Polkitd, python_as, run_as
from test_transports import Certificates, port_of, refused, works
from wire import REMOTE, Wire, string, uint

NONE, SASL, POLKIT = range(3)
RPC, AUTH_FAILED, AUTH_UNAVAILABLE = 39, 45, 94
FROM_RPC, FROM_POLKIT = 7, 60
USER, PASSWORD = "fred", "a secret, that nobody knows"
OTHER, OTHER_PASSWORD = "jim", "another"
# Of one client, as virnetserverclient.h has it.
FAILURES_MAX = 5


@pytest.fixture(scope="module")
def place():
    path = pathlib.Path(tempfile.mkdtemp(prefix="vm-"))
    path.chmod(0o755)                   # other users have business in it
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def certificates(place):
    path = place / "c"
    path.mkdir()
    return Certificates(path)


# --- SASL: a database, and clients that know what is in it ---

class Database:
    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()
        for name in ("virtmon", "libvirt"):     # the settings of each daemon
            (folder / f"{name}.conf").write_text(
                "mech_list: scram-sha-256 digest-md5 plain anonymous\npwcheck_method: auxprop\n"
                f"auxprop_plugin: sasldb\nsasldb_path: {folder}/db\n")
        self.add(USER, PASSWORD)
        self.add(OTHER, OTHER_PASSWORD)
        # To be found by what runs in this process, too.
        self.env = {"SASL_CONF_PATH": str(folder)}

    def add(self, user, password):
        subprocess.run(["/usr/sbin/saslpasswd2", "-p", "-c", "-f", self.folder / "db", "-a",
                        "libvirt", user], input=password.encode(), check=True, timeout=DEADLINE)

    def credentials(self, user=USER, password=PASSWORD, host="default"):
        """A file for clients."""
        path = self.folder / f"auth-{user}-{len(password)}-{host}.conf"
        path.write_text(f"[credentials-mine]\nauthname={user}\npassword={password}\n"
                        f"[auth-libvirt-{host}]\ncredentials=mine\n")
        return path


@pytest.fixture(scope="module")
def database(place):
    return Database(place / "d")


def virsh(uri, *words, credentials=None, stdin=None, env=None):
    """The stock one."""
    environment = {**os.environ, "LC_ALL": "C.UTF-8", **(env or {})}
    if credentials:
        environment["LIBVIRT_AUTH_FILE"] = str(credentials)
    # Without a terminal, which it would ask on.
    return subprocess.run(["virsh", "-q", "-c", uri, *(words or ("domid", "g1"))],
                          capture_output=True, text=True, check=False, timeout=DEADLINE,
                          env=environment, input=stdin, start_new_session=True)


def sasl_daemon(place, database, name, config, *args):
    folder = place / name
    folder.mkdir()
    daemon = Virtmond(folder, "--verbose", *args, config=config, env=database.env)
    try:
        daemon.guest = daemon.start_guest("g1")
        yield daemon
    finally:
        daemon.close()


@pytest.fixture(scope="module")
def unix_sasl(place, database):
    """The read-only socket is open to all."""
    yield from sasl_daemon(place, database, "us", 'auth_unix_rw = "sasl"\n')


@pytest.fixture(scope="module")
def tcp_sasl(place, database):
    yield from sasl_daemon(place, database, "ts", 'listen_tcp = 1\nlisten_tls = 0\n'
                           'listen_addr = "127.0.0.1"\ntcp_port = "0"\n', "--listen")


@pytest.fixture(scope="module")
def tls_sasl(place, database, certificates):
    yield from sasl_daemon(place, database, "ss", certificates.config(
        "server", 'auth_tls = "sasl"\n'), "--listen")


def tls_uri(daemon, certificates):
    return f"qemu+tls://localhost:{port_of(daemon.process)}/system" \
           f"?pkipath={certificates.folder}/mine"


def tcp_uri(daemon):
    return f"qemu+tcp://127.0.0.1:{port_of(daemon.process)}/system"


def log_says(daemon, text):
    deadline = time.monotonic() + DEADLINE
    while text not in daemon.log.read_text():
        assert time.monotonic() < deadline, daemon.log.read_text()[-3000:]
        select.select([], [], [], 0.01)


# --- the stock client ---

@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "DIGEST-MD5", "PLAIN"])
def test_virsh_by_unix(unix_sasl, database, mechanism):
    done = virsh(f"{unix_sasl.uri()}&auth=sasl.{mechanism}", credentials=database.credentials())
    assert (done.stdout, done.stderr) == ("1\n", "")
    log_says(unix_sasl, f"is '{USER}' by {mechanism}")


def test_virsh_by_tcp(tcp_sasl, database):
    """All that follows is encrypted, which takes a while to describe a guest."""
    uri = tcp_uri(tcp_sasl)
    done = virsh(uri, "qemu-monitor-command", "g1", '{"execute":"query-qmp-schema"}',
                 credentials=database.credentials())
    assert done.stderr == "" and len(done.stdout) > 100000
    log_says(tcp_sasl, f"is '{USER}' by DIGEST-MD5")
    # That client knows no mechanism that is strong enough.
    done = virsh(uri + "?auth=sasl.PLAIN", credentials=database.credentials())
    assert done.returncode == 1 and "authentication failed" in done.stderr


def test_virsh_by_tls(tls_sasl, database, certificates):
    uri = tls_uri(tls_sasl, certificates)
    done = virsh(uri, credentials=database.credentials())
    assert (done.stdout, done.stderr) == ("1\n", "")
    log_says(tls_sasl, f"is '{USER}' by SCRAM-SHA-256")
    done = virsh(uri, credentials=database.credentials(password="wrong"))
    assert done.returncode == 1 and "SASL does not let this client in" in done.stderr


def test_virsh_asks(unix_sasl):
    done = virsh(unix_sasl.uri() + "&auth=sasl.PLAIN", stdin=f"{USER}\n{PASSWORD}\n")
    assert done.returncode == 0 and done.stdout.endswith("1\n")


@pytest.mark.parametrize("user, password", [(USER, "wrong"), ("nobody", PASSWORD),
                                            (OTHER, PASSWORD), (USER, "")])
@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "DIGEST-MD5", "PLAIN"])
def test_virsh_is_kept_out(unix_sasl, database, mechanism, user, password):
    done = virsh(f"{unix_sasl.uri()}&auth=sasl.{mechanism}",
                 credentials=database.credentials(user, password))
    assert done.returncode == 1 and done.stdout == ""
    assert "authentication failed: SASL does not let this client in" in done.stderr


def test_the_other_socket_is_open(unix_sasl):
    assert virsh(unix_sasl.uri(True)).stdout == "1\n"


PYTHON = """
import libvirt, sys
def ask(wanted, how):
    for one in wanted:
        one[4] = how[one[0]]
    return 0
how = {libvirt.VIR_CRED_AUTHNAME: sys.argv[2], libvirt.VIR_CRED_PASSPHRASE: sys.argv[3]}
try:
    conn = libvirt.openAuth(sys.argv[1], [list(how), ask, how], 0)
except libvirt.libvirtError as error:
    print(error.get_error_code(), error.get_error_domain(), error.get_error_message())
else:
    print([one.name() for one in conn.listAllDomains()], conn.isEncrypted(), conn.isSecure())
"""


def python(uri, user=USER, password=PASSWORD):
    return subprocess.run(["/usr/bin/python3", "-c", PYTHON, uri, user, password],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                          check=True, timeout=DEADLINE).stdout.strip()


def test_python_libvirt(unix_sasl, tcp_sasl):
    assert python(unix_sasl.uri()).startswith("['g1']")
    assert python(tcp_uri(tcp_sasl)) == "['g1'] 1 1"
    assert python(tcp_uri(tcp_sasl), password="wrong") == \
        f"{AUTH_FAILED} {FROM_RPC} authentication failed: SASL does not let this client in"


def test_names_that_are_allowed(start_virtmond, database):
    """A reload counts for who comes next."""
    daemon = start_virtmond(config='auth_unix_rw = "sasl"\nsasl_allowed_username_list = [ "j*" ]\n',
                            env=database.env)
    jim = database.credentials(OTHER, OTHER_PASSWORD)
    assert virsh(daemon.uri(), "list", credentials=jim).returncode == 0
    done = virsh(daemon.uri(), "list", credentials=database.credentials())
    assert "SASL does not let this client in" in done.stderr
    daemon.config.write_text('auth_unix_rw = "sasl"\nsasl_allowed_username_list = [ "f?ed" ]\n')
    daemon.process.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + DEADLINE
    while virsh(daemon.uri(), "list", credentials=jim).returncode == 0:
        assert time.monotonic() < deadline
    assert virsh(daemon.uri(), "list", credentials=database.credentials()).returncode == 0


def test_nothing_is_strong_enough(start_virtmond, database):
    daemon = start_virtmond("--listen", env=database.env,
                            config='listen_tcp = 1\nlisten_tls = 0\nlisten_addr = "127.0.0.1"\n'
                            'tcp_port = "0"\ntcp_min_ssf = 256\n')
    done = virsh(tcp_uri(daemon), credentials=database.credentials())
    assert "the server has no SASL mechanism that is strong enough here" in done.stderr


def test_passwords_are_in_no_log(start_virtmond, database):
    """Not even in one of everything."""
    daemon = start_virtmond(config='auth_unix_rw = "sasl"\n',
                            env={**database.env, "LIBVIRT_DEBUG": "1"})
    for mechanism in ("PLAIN", "SCRAM-SHA-256", "DIGEST-MD5"):
        for password in (PASSWORD, "a wrong secret"):
            virsh(f"{daemon.uri()}&auth=sasl.{mechanism}", "list",
                  credentials=database.credentials(password=password))
    log_says(daemon, f"is '{USER}' by DIGEST-MD5")
    assert "secret" not in daemon.log.read_text()


def test_secrets_are_in_no_log(start_virtmond, database, folder):
    """Of monitors' and agents' commands, right and wrong, and of what comes back: neither in the
    daemon's log of everything nor in the client's, with the file of credentials in use."""
    daemon = start_virtmond(config='auth_unix_rw = "sasl"\n',
                            env={**database.env, "LIBVIRT_DEBUG": "1"})
    daemon.start_guest("g1")
    log = folder / "client.log"
    secret = "HIDE-%s" % os.urandom(8).hex()
    commands = [
        {"execute": "object-add", "arguments": {"qom-type": "secret", "id": "s1", "data": secret}},
        {"execute": "object-add", "arguments": {"qom-type": "secret", "id": secret, "data": secret}},
        {"execute": "set_password", "arguments": {"protocol": "vnc", "password": secret}},
        {"execute": "qom-get", "arguments": {"path": secret, "property": secret}},
        {"execute": "qom-list", "arguments": {"path": "/objects"}},         # returns it, as an ID
        {"execute": secret}]
    texts = [json.dumps(command) for command in commands] + [f'{{"password": "{secret}', secret]
    run = [[BUILD / "tools" / "virtmon", "-d", "0", "-c",
            with_file(daemon.uri(), database.credentials())], ["virsh", "-c", daemon.uri()]]
    seen = 0
    for program in run:
        for words in [*(["qemu-monitor-command", "g1", text] for text in texts),
                      ["qemu-monitor-command", "--hmp", "g1", f"set_password vnc {secret}"],
                      ["qemu-agent-command", "g1", texts[2]], ["qemu-agent-command", "g1", texts[-2]]]:
            done = subprocess.run(
                [*map(str, program), *words], capture_output=True, text=True, check=False,
                timeout=DEADLINE, stdin=subprocess.DEVNULL, start_new_session=True,
                env={**os.environ, "LC_ALL": "C.UTF-8", "LIBVIRT_DEBUG": "1",
                     "LIBVIRT_LOG_OUTPUTS": f"1:file:{log if program == run[0] else '/dev/null'}",
                     "LIBVIRT_AUTH_FILE": str(database.credentials())})
            seen += secret in done.stdout + done.stderr
    # Whoever has asked is told; and what was asked has reached QEMU.
    assert seen > 5
    for path in (daemon.log, log):
        text = path.read_text()
        assert "debug" in text and secret not in text and PASSWORD not in text


# --- our own client ---

def with_file(uri, credentials):
    return f"{uri}{'&' if '?' in uri else '?'}authfile={credentials}"


@pytest.mark.parametrize("mechanism", ["", ".SCRAM-SHA-256", ".DIGEST-MD5", ".PLAIN"])
def test_by_unix(unix_sasl, database, connect, mechanism):
    conn = connect(with_file(f"{unix_sasl.uri()}&auth=sasl{mechanism}", database.credentials()))
    works(conn, unix_sasl.guest)
    assert conn.is_secure() and not conn.is_encrypted()
    # Descriptors still pass.
    conn.domain("g1").monitor_with_files('{"execute":"query-status"}', [0])


def test_by_tcp(tcp_sasl, database, connect):
    conn = connect(with_file(tcp_uri(tcp_sasl), database.credentials()))
    works(conn, tcp_sasl.guest)
    assert conn.is_secure() and conn.is_encrypted()
    log_says(tcp_sasl, f"is '{USER}' by DIGEST-MD5")
    error = refused(connect, with_file(tcp_uri(tcp_sasl) + "?auth=sasl.PLAIN",
                                       database.credentials()))
    assert error.code == AUTH_FAILED and "does not offer SASL mechanism 'PLAIN'" in error.message


def test_by_tls(tls_sasl, database, certificates, connect):
    uri = tls_uri(tls_sasl, certificates)
    works(connect(with_file(uri, database.credentials())), tls_sasl.guest)
    error = refused(connect, with_file(uri, database.credentials(password="wrong")))
    assert error.code == AUTH_FAILED


def test_a_storm_by_tcp(tcp_sasl, database, connect):
    """More than a block of SASL, a buffer and a socket take, both ways."""
    conn = connect(with_file(tcp_uri(tcp_sasl), database.credentials()))
    watch = conn.watch("RESUME")
    domain = conn.domain("g1")
    for _ in range(300):
        tcp_sasl.guest.command("stop")
        tcp_sasl.guest.command("cont")
    for _ in range(3):
        assert len(domain.monitor('{"execute":"query-qmp-schema"}')) > 100000
    assert [event.name for event in watch.wait(300)] == ["RESUME"] * 300


@pytest.mark.parametrize("user, password", [(USER, "wrong"), ("nobody", PASSWORD), (USER, "")])
def test_is_kept_out(unix_sasl, database, connect, user, password):
    error = refused(connect, with_file(unix_sasl.uri(), database.credentials(user, password)))
    assert error.code == AUTH_FAILED
    assert error.message == "authentication failed: SASL does not let this client in"


def test_nobody_to_ask(unix_sasl, connect):
    assert refused(connect, unix_sasl.uri() + "&authfile=/dev/null").code == AUTH_FAILED


def test_the_shell_asks(unix_sasl):
    done = subprocess.run([str(BUILD / "tools" / "virtmon"), "-q", "-c",
                           unix_sasl.uri() + "&authfile=/dev/null", "domid", "g1"],
                          input=f"{USER}\n{PASSWORD}\n", capture_output=True, text=True,
                          check=False, timeout=DEADLINE, start_new_session=True,
                          env={**os.environ, "LC_ALL": "C.UTF-8"})
    assert done.returncode == 0 and done.stdout.endswith("1\n"), done.stderr


def test_the_name_in_the_uri(unix_sasl, database):
    """Only the password is asked for: the file's is another's."""
    uri = unix_sasl.uri().replace("://", f"://{OTHER}@") + "&auth=sasl.PLAIN"
    done = subprocess.run([str(BUILD / "tools" / "virtmon"), "-q", "-c",
                           with_file(uri, database.credentials()), "domid", "g1"],
                          input=f"{OTHER_PASSWORD}\n", capture_output=True, text=True,
                          check=False, timeout=DEADLINE, start_new_session=True,
                          env={**os.environ, "LC_ALL": "C.UTF-8"})
    assert done.returncode == 0 and done.stdout.endswith("1\n"), done.stderr
    log_says(unix_sasl, f"is '{OTHER}' by PLAIN")


@pytest.fixture(scope="module")
def libvirtd_sasl(place, database):
    if os.geteuid() != 0:
        pytest.skip("needs root")
    folder = place / "lv"
    folder.mkdir()
    daemon = Libvirtd(folder, "--listen", env=database.env,
                      config='listen_tls = 0\nlisten_tcp = 1\nlisten_addr = "127.0.0.1"\n'
                      'tcp_port = "0"\nauth_tcp = "sasl"\n')
    try:
        daemon.guest = daemon.start_guest("g1")
        yield daemon
    finally:
        daemon.close()


def test_libvirtd(libvirtd_sasl, database, connect):
    """What works with ours does with the real one."""
    uri = tcp_uri(libvirtd_sasl)
    conn = connect(with_file(uri, database.credentials()))
    works(conn, libvirtd_sasl.guest)
    assert conn.is_secure() and conn.is_encrypted()
    error = refused(connect, with_file(uri, database.credentials(password="wrong")))
    assert error.code == AUTH_FAILED
    with pytest.raises(virtapi.Error):
        connect(with_file(uri + "?auth=sasl.SCRAM-SHA-256", database.credentials()))


def test_libvirtd_refuses_the_same(libvirtd_sasl, tcp_sasl):
    """In the raw, below."""
    said = []
    for daemon in (libvirtd_sasl, tcp_sasl):
        with Wire(("127.0.0.1", port_of(daemon.process))) as client:
            said.append([client.done(REMOTE, wire.AUTH_LIST).data,
                         client.refused(REMOTE, wire.OPEN, wire.optional(
                             string("qemu:///system")) + uint(0)).kind,
                         client.refused(REMOTE, wire.SASL_START, plain()).kind,
                         client.done(REMOTE, wire.SASL_INIT).string(),
                         client.refused(REMOTE, wire.SASL_INIT).kind,
                         client.refused(REMOTE, wire.TYPE).kind])
    assert said[0] == said[1]


# --- the protocol in the raw ---

def chars(data):
    return uint(len(data), *data)


def start_args(mechanism, data):
    return string(mechanism) + (uint(1, 0) if data is None else uint(0) + chars(data))


def step_args(data):
    return uint(1, 0) if data is None else uint(0) + chars(data)


def plain(user=USER, password=PASSWORD):
    return start_args("PLAIN", f"\0{user}\0{password}".encode())


def sasl_answer(reader):
    """Whether it is complete, and what came."""
    complete, nil, count = reader.uint(), reader.uint(), reader.uint()
    data = bytes(reader.uint() & 0xFF for _ in range(count))
    reader.end()
    return complete, None if nil else data


@pytest.fixture
def client(unix_sasl):
    with Wire(unix_sasl.socket()) as one:
        yield one


def test_sasl_in_the_raw(client):
    assert client.done(REMOTE, wire.AUTH_LIST).data == uint(1, SASL)
    mechanisms = client.done(REMOTE, wire.SASL_INIT).string().split(",")
    assert set(mechanisms) == {"SCRAM-SHA-256", "DIGEST-MD5", "PLAIN"}
    assert sasl_answer(client.done(REMOTE, wire.SASL_START, plain())) == (1, None)
    client.open().register()
    # Once is enough.
    assert client.refused(REMOTE, wire.SASL_INIT).kind == (AUTH_FAILED, FROM_RPC)
    assert client.refused(REMOTE, wire.SASL_START, plain()).kind == (AUTH_FAILED, FROM_RPC)
    assert client.refused(REMOTE, wire.SASL_STEP, step_args(b"")).kind == (AUTH_FAILED, FROM_RPC)
    assert client.refused(REMOTE, wire.POLKIT).kind == (AUTH_FAILED, FROM_RPC)
    assert client.done(REMOTE, wire.TYPE).string() == "QEMU"


def test_no_data_is_not_empty_data(client):
    """In DIGEST-MD5 the server speaks first, which one has to wait for."""
    client.done(REMOTE, wire.SASL_INIT)
    answer = client.done(REMOTE, wire.SASL_START, start_args("DIGEST-MD5", None))
    complete, challenge = sasl_answer(answer)
    assert not complete and b"nonce=" in challenge
    assert client.refused(REMOTE, wire.SASL_STEP, step_args(None)).kind == (AUTH_FAILED, FROM_RPC)
    client.done(REMOTE, wire.SASL_INIT)
    error = client.refused(REMOTE, wire.SASL_START, start_args("PLAIN", b""))
    assert error.kind == (AUTH_FAILED, FROM_RPC)
    # In the other it is the client's turn.
    client.done(REMOTE, wire.SASL_INIT)
    answer = client.done(REMOTE, wire.SASL_START, start_args("SCRAM-SHA-256", None))
    assert sasl_answer(answer) == (0, None)


def test_nothing_else_before(client):
    for procedure, payload in [(wire.OPEN, wire.optional(string("qemu:///system")) + uint(0)),
                               (wire.TYPE, b""), (wire.FEATURE, uint(10)), (wire.CLOSE, b""),
                               (wire.LIST_ALL, uint(1, 0)), (wire.OPEN, b"")]:
        error = client.refused(REMOTE, procedure, payload)
        assert error.kind == (RPC, FROM_RPC)
        assert error.message == "authentication required"
    assert client.refused(wire.QEMU, wire.MONITOR_REGISTER).message == "authentication required"
    client.done(REMOTE, wire.SASL_INIT)
    client.done(REMOTE, wire.SASL_START, plain())
    client.open()


@pytest.mark.parametrize("calls", [
    [(wire.SASL_START, plain())],
    [(wire.SASL_STEP, step_args(b"x"))],
    [(wire.SASL_INIT, b""), (wire.SASL_INIT, b"")],
    [(wire.SASL_INIT, b""), (wire.SASL_STEP, step_args(b"x"))],
    [(wire.SASL_INIT, b""), (wire.SASL_START, start_args("NONE-SUCH", b"x"))],
    [(wire.SASL_INIT, b""), (wire.SASL_START, start_args("", None))],
    [(wire.SASL_INIT, b""), (wire.SASL_START, start_args("ANONYMOUS", b"me"))],
    [(wire.SASL_INIT, b""), (wire.SASL_START, start_args("PLAIN", b"\xff" * 65536))],
    [(wire.SASL_INIT, b""), (wire.SASL_START, start_args("SCRAM-SHA-256", b"n,,n=,r=\0"))],
    [(wire.SASL_INIT, b""), (wire.SASL_START, start_args("DIGEST-MD5", None)),
     (wire.SASL_START, start_args("DIGEST-MD5", None))],
    [(wire.SASL_INIT, b""), (wire.SASL_START, start_args("DIGEST-MD5", None)),
     (wire.SASL_STEP, step_args(b"\0" * 1000))],
    [(wire.POLKIT, b"")],
], ids=lambda calls: "-".join(f"{procedure}" for procedure, _ in calls))
def test_what_is_no_exchange(client, calls):
    """Is refused, and another try begins anew."""
    *before, last = calls
    for procedure, payload in before:
        client.done(REMOTE, procedure, payload)
    assert client.refused(REMOTE, *last).kind == (AUTH_FAILED, FROM_RPC)
    if last[0] != wire.SASL_INIT:
        assert client.refused(REMOTE, wire.TYPE).message == "authentication required"
    client.done(REMOTE, wire.SASL_INIT)
    assert sasl_answer(client.done(REMOTE, wire.SASL_START, plain())) == (1, None)
    client.open()


@pytest.mark.parametrize("payload", [
    start_args("PLAIN", b"") + b"", string("PLAIN") + uint(0, 65537) + bytes(4 * 65537),
    string("PLAIN") + uint(0, 0xFFFFFFFF), string("PLAIN")[:6], b"",
], ids=["good", "long", "endless", "cut", "none"])
def test_what_cannot_be_decoded(client, payload):
    client.done(REMOTE, wire.SASL_INIT)
    code = client.refused(REMOTE, wire.SASL_START, payload).code
    assert code == (AUTH_FAILED if payload == start_args("PLAIN", b"") else RPC)
    assert client.refused(REMOTE, wire.TYPE).message == "authentication required"


def test_too_many_tries(client, unix_sasl):
    for _ in range(FAILURES_MAX):
        client.done(REMOTE, wire.SASL_INIT)
        error = client.refused(REMOTE, wire.SASL_START, plain(password="guess"))
        assert error.kind == (AUTH_FAILED, FROM_RPC)
        assert error.message == "authentication failed: SASL does not let this client in"
    assert client.is_closed()
    with Wire(unix_sasl.socket()) as other:
        other.done(REMOTE, wire.SASL_INIT)
        other.done(REMOTE, wire.SASL_START, plain())


def test_a_packet_that_is_too_long(client):
    """Whoever isn't known has little to say."""
    client.send(uint(1024 * 1024 + 1))
    assert client.is_closed()


def test_time_is_limited(start_virtmond, database):
    """Also for who says something now and then."""
    daemon = start_virtmond(config='auth_unix_rw = "sasl"\nclient_setup_timeout = 1\n',
                            env=database.env)
    with Wire(daemon.socket()) as silent, Wire(daemon.socket()) as slow, \
            Wire(daemon.socket()) as good:
        good.done(REMOTE, wire.SASL_INIT)
        good.done(REMOTE, wire.SASL_START, plain())
        slow.done(REMOTE, wire.SASL_INIT)
        slow.done(REMOTE, wire.SASL_START, start_args("DIGEST-MD5", None))
        assert slow.is_closed()
        assert silent.is_closed()
        good.open()


def test_few_at_a_time(start_virtmond, database):
    """Others wait until one is known or gone, and hold up nobody who is asked for nothing."""
    daemon = start_virtmond(config='auth_unix_rw = "sasl"\nmax_anonymous_clients = 2\n',
                            env=database.env)
    with Wire(daemon.socket()) as one, Wire(daemon.socket()) as two, \
            Wire(daemon.socket()) as three:
        one.done(REMOTE, wire.AUTH_LIST)
        two.done(REMOTE, wire.AUTH_LIST)
        serial = three.start(REMOTE, wire.AUTH_LIST)
        with Wire(daemon.socket(True)) as reader:
            reader.open()
        assert not three.has_input()
        one.done(REMOTE, wire.SASL_INIT)
        one.done(REMOTE, wire.SASL_START, plain())
        assert three.reply().serial == serial


def test_one_user_keeps_nobody_out(start_virtmond, database, folder):
    """A quarter of the places is his; root's own don't count."""
    folder.chmod(0o755)
    daemon = start_virtmond(config='auth_unix_rw = "sasl"\nunix_sock_rw_perms = "0777"\n'
                                   'max_anonymous_clients = 8\n', env=database.env)
    with contextlib.ExitStack() as stack:
        if os.geteuid() != 0:
            pytest.skip("needs root")
        for _ in range(4):
            stack.enter_context(Wire(daemon.socket())).done(REMOTE, wire.AUTH_LIST)
        assert python_as("daemon", f"""
wires = [wire.Wire({str(daemon.socket())!r}) for _ in range(12)]
print([one.is_closed() for one in wires[2:]] == [True] * 10)
for one in wires[:2]:
    one.done(wire.REMOTE, wire.AUTH_LIST)
""") == "True"


def test_gone_in_the_middle(start_virtmond, database):
    """Of an exchange: nothing is kept of them."""
    daemon = start_virtmond(config='auth_unix_rw = "sasl"\n', env=database.env)

    def descriptors():
        return len(os.listdir(f"/proc/{daemon.pid}/fd"))

    def settled():
        with Wire(daemon.socket()) as one:
            one.done(REMOTE, wire.AUTH_LIST)

    settled()
    before = descriptors()
    for _ in range(50):
        with Wire(daemon.socket()) as one:
            one.done(REMOTE, wire.SASL_INIT)
            one.done(REMOTE, wire.SASL_START, start_args("DIGEST-MD5", None))
    settled()
    deadline = time.monotonic() + DEADLINE
    while descriptors() > before + 1:
        assert time.monotonic() < deadline
        settled()


def test_somebody_in_between(tcp_sasl):
    """What is said in the clear behind the last step does not count."""
    with Wire(("127.0.0.1", port_of(tcp_sasl.process))) as client:
        client.done(REMOTE, wire.SASL_INIT)
        assert client.refused(REMOTE, wire.SASL_START, plain()).code == AUTH_FAILED
        client.done(REMOTE, wire.SASL_INIT)
        answer = client.done(REMOTE, wire.SASL_START, start_args("DIGEST-MD5", None))
        assert b'qop="auth-conf"' in sasl_answer(answer)[1]


# --- polkit ---

# "daemon" may manage, "games" nothing, "mail" only by a password; all others as it is installed.
RULES = """
polkit.addRule(function(action, subject) {
    var ours = action.id.indexOf("org.virtmon.") == 0;
    if (!ours && action.id != "org.libvirt.unix.manage")
        return null;
    if (subject.user == "daemon")
        return "yes";
    if (subject.user == "games")
        return "no";
    return null;
});
"""


@pytest.fixture(scope="module")
def polkitd(place):
    if os.geteuid() != 0:
        pytest.skip("needs root")
    daemon = Polkitd(place / "pk", RULES)
    yield daemon
    daemon.close()


@pytest.fixture(scope="module")
def unix_polkit(place, polkitd):
    folder = place / "up"
    folder.mkdir()
    daemon = Virtmond(folder, "--verbose", env=polkitd.env, config='auth_unix_rw = "polkit"\n'
                      'auth_unix_ro = "polkit"\npolkit_timeout = 2\n')
    try:
        daemon.guest = daemon.start_guest("g1")
        yield daemon
    finally:
        daemon.close()


def domid_as(user, daemon, readonly=False):
    return run_as(user, "virsh", "-q", "-c", daemon.uri(readonly), "domid", "g1")


def raw(place, code):
    """For python_as(): @code with a client at the read-write socket."""
    return f"with wire.Wire({str(place)!r}) as client:\n" + \
        "\n".join("    " + line for line in code.splitlines())


ASK = """
print(client.done(wire.REMOTE, wire.AUTH_LIST).data == wire.uint(1, 2))
answer = client.call(wire.REMOTE, wire.POLKIT)
print(answer.reader().uint() if answer.status == 0 else answer.error().kind)
"""


@pytest.mark.parametrize("user, manages, looks", [
    ("daemon", True, True), ("games", False, False), ("mail", False, True), ("root", True, True),
])
def test_polkit(unix_polkit, user, manages, looks):
    for readonly, allowed in ((False, manages), (True, looks)):
        done = domid_as(user, unix_polkit, readonly)
        assert (done.returncode, done.stdout) == ((0, "1\n") if allowed else (1, "")), done.stderr


def test_polkit_says_no(unix_polkit):
    done = domid_as("games", unix_polkit)
    assert "authentication failed: polkit does not allow 'org.virtmon.manage'" in done.stderr
    # Who would be asked for a password has nobody to ask him here.
    done = domid_as("mail", unix_polkit)
    assert "authentication unavailable: there is no polkit agent" in done.stderr


def test_polkit_in_the_raw(unix_polkit):
    place = unix_polkit.socket()
    assert python_as("daemon", raw(place, ASK)).split("\n") == ["True", "1"]
    assert python_as("games", raw(place, ASK)).split("\n") == \
        ["True", str((AUTH_FAILED, FROM_POLKIT))]
    assert python_as("mail", raw(place, ASK)).split("\n") == \
        ["True", str((AUTH_UNAVAILABLE, FROM_POLKIT))]
    # Again when it is known, and whatever it wasn't asked for.
    assert python_as("daemon", raw(place, ASK + """
print(client.refused(wire.REMOTE, wire.POLKIT).code)
print(client.refused(wire.REMOTE, wire.SASL_INIT).code)
client.open().register()
""")).split("\n")[2:] == [str(AUTH_FAILED)] * 2
    # Before it, and in the end.
    assert python_as("games", raw(place, """
print(client.refused(wire.REMOTE, wire.TYPE).message)
for _ in range(5):
    client.refused(wire.REMOTE, wire.POLKIT)
print(client.is_closed())
""")).split("\n") == ["authentication required", "True"]


def test_root_is_not_asked(unix_polkit):
    with Wire(unix_polkit.socket()) as client:
        assert client.refused(REMOTE, wire.TYPE).message == "authentication required"
        assert client.done(REMOTE, wire.AUTH_LIST).data == uint(1, NONE)
        client.open().register()


def our_client(uri):
    """For python_as(): our own library."""
    return f"""
try:
    print(virtapi.Connection({uri!r}).count())
except virtapi.Error as error:
    print(error.code)
virtapi.Connection.close_all()
"""


def test_our_client_and_polkit(unix_polkit):
    for user, printed in (("daemon", "1"), ("games", str(AUTH_FAILED)),
                          ("mail", str(AUTH_UNAVAILABLE))):
        assert python_as(user, our_client(unix_polkit.uri()), imports="import virtapi") == printed


def test_our_client_and_libvirtds_polkit(place, polkitd):
    """With libvirt's own action."""
    folder = place / "lp"
    folder.mkdir()
    daemon = Libvirtd(folder, env=polkitd.env, auth_rw="polkit")
    try:
        for user, printed in (("daemon", "0"), ("games", str(AUTH_FAILED)),
                              ("mail", str(AUTH_UNAVAILABLE))):
            assert python_as(user, our_client(daemon.uri()), imports="import virtapi") == printed
        # In the raw it says what ours does.
        assert python_as("games", raw(daemon.socket(), ASK)).split("\n") == \
            ["True", str((AUTH_FAILED, FROM_POLKIT))]
        assert python_as("mail", raw(daemon.socket(), ASK)).split("\n") == \
            ["True", str((AUTH_UNAVAILABLE, FROM_POLKIT))]
    finally:
        daemon.close()


def test_polkit_hangs(unix_polkit, polkitd):
    """Whoever waits for it is refused in the end, and nobody else waits."""
    freeze(polkitd.pid)
    try:
        answer = python_as("daemon", raw(unix_polkit.socket(), """
error = client.refused(wire.REMOTE, wire.POLKIT)
print(error.kind, error.message)
"""))
        assert answer == f"{(AUTH_FAILED, FROM_POLKIT)} authentication failed: " \
            "polkit has not answered in 2000 ms"
        # Many of them, of whom some leave while it hangs, and one who isn't asked.
        waiting = [subprocess.Popen(["setpriv", "--reuid=1", "--regid=1", "--clear-groups", "virsh",
                                     "-c", unix_polkit.uri(), "list"], stdin=subprocess.DEVNULL,
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                   for _ in range(4)]
        with Wire(unix_polkit.socket()) as root:
            root.done(REMOTE, wire.AUTH_LIST)
            root.open().register("STOP")
            unix_polkit.guest.command("stop")
            unix_polkit.guest.command("cont")
            root.monitor_event()
        for process in waiting[:2]:
            process.kill()
        assert [process.wait(timeout=DEADLINE) for process in waiting] == [-9, -9, 1, 1]
    finally:
        thaw(polkitd.pid)
    deadline = time.monotonic() + DEADLINE
    while domid_as("daemon", unix_polkit).returncode != 0:
        assert time.monotonic() < deadline


def test_polkit_has_less_time_than_a_client(place, polkitd):
    """So a client is told why it is let go."""
    folder = place / "ps"
    folder.mkdir()
    daemon = Virtmond(folder, env=polkitd.env,
                      config='auth_unix_rw = "polkit"\nclient_setup_timeout = 2\n')
    try:
        freeze(polkitd.pid)
        try:
            assert python_as("daemon", raw(daemon.socket(), """
print(client.refused(wire.REMOTE, wire.POLKIT).message)
""")) == "authentication failed: polkit has not answered in 1000 ms"
        finally:
            thaw(polkitd.pid)
    finally:
        daemon.close()


def has_thread(pid, name):
    return name in [path.read_text().strip()
                    for path in pathlib.Path(f"/proc/{pid}/task").glob("*/comm")]


def test_the_daemon_ends_while_polkit_hangs(place, polkitd):
    folder = place / "pe"
    folder.mkdir()
    daemon = Virtmond(folder, env=polkitd.env, config='auth_unix_rw = "polkit"\n')
    waiting = None
    freeze(polkitd.pid)
    try:
        waiting = subprocess.Popen(["setpriv", "--reuid=1", "--regid=1", "--clear-groups", "virsh",
                                    "-c", daemon.uri(), "list"], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + DEADLINE
        while not has_thread(daemon.pid, "gdbus"):      # it has turned to the bus
            assert time.monotonic() < deadline
            select.select([], [], [], 0.01)
        assert daemon.close() == 0
        assert waiting.wait(timeout=DEADLINE) == 1
    finally:
        thaw(polkitd.pid)
        if waiting:
            waiting.kill()
            waiting.wait(timeout=DEADLINE)
        daemon.close()


def test_no_polkit(start_virtmond, folder):
    folder.chmod(0o755)
    daemon = start_virtmond(config='auth_unix_rw = "polkit"\n', env={
        "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent"})
    if os.geteuid() != 0:
        pytest.skip("needs root")
    done = run_as("daemon", "virsh", "-q", "-c", daemon.uri(), "list")
    assert "authentication failed: polkit cannot be asked" in done.stderr
    assert run_as("root", "virsh", "-q", "-c", daemon.uri(), "list").returncode == 0


def test_who_may_come_to_be_asked(start_virtmond):
    daemon = start_virtmond(config='auth_unix_rw = "polkit"\n')
    assert daemon.socket().stat().st_mode & 0o777 == 0o777
    daemon = start_virtmond(config='auth_unix_rw = "polkit"\nunix_sock_rw_perms = "0770"\n')
    assert daemon.socket().stat().st_mode & 0o777 == 0o770


# --- what stays in memory ---

def send_in_pieces(client, data, size):
    """Each is read before the next one comes."""
    for at in range(0, len(data), size):
        client.send(data[at:at + size])
        wire.wait_for(lambda: struct.unpack("i", fcntl.ioctl(
            client.sock, termios.TIOCOUTQ, bytes(4)))[0] == 0, "all of it to be read")


def memory_has(pid, *texts):
    """Which of them are in any memory of a process that can be written to."""
    found = set()
    with open(f"/proc/{pid}/mem", "rb") as memory:
        for line in pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines():
            start, end = (int(number, 16) for number in line.split()[0].split("-"))
            if line.split()[1].startswith("rw"):
                memory.seek(start)
                data = memory.read(end - start)
                found |= {text for text in texts if text in data}
    return found


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to look into a process")
@pytest.mark.skipif(os.environ.get("VIRTMON_SANITIZED") == "1",
                    reason="a sanitizer keeps what is freed")
@pytest.mark.parametrize("mechanism", ["PLAIN", "NONSUCH"])
def test_nothing_of_a_password_stays(start_virtmond, database, mechanism):
    """Neither of what came over the wire, where each letter is four bytes, nor of what was made of
    it; whole or in pieces, right or wrong, with the connection open or gone."""
    daemon = start_virtmond(config='auth_unix_rw = "sasl"\n', env=database.env)
    left = "right-%s" % os.urandom(8).hex()
    database.add("leaver", left)
    wanted = []
    clients = []
    for number, size in enumerate((1 << 20, 700, 97, 1)):
        password = left if number % 2 else "wrong-%s" % os.urandom(8).hex()
        args = start_args(mechanism, f"\0leaver\0{password}".encode())
        clients.append(client := Wire(daemon.socket()))
        client.done(REMOTE, wire.SASL_INIT)
        send_in_pieces(client, wire.packet(REMOTE, wire.SASL_START, args, 1), size)
        client.reply()
        if number % 2:
            client.close()
        wanted.append(chars(password.encode())[4:])
        # One that is right is in the pages of the database, too, which Berkeley DB keeps.
        if mechanism != "PLAIN" or not number % 2:
            wanted.append(password.encode())
    # Half of one, and then the end.
    password = "half-%s" % os.urandom(8).hex()
    args = start_args(mechanism, f"\0leaver\0{password}".encode())
    with Wire(daemon.socket()) as client:
        client.done(REMOTE, wire.SASL_INIT)
        send_in_pieces(client, wire.packet(REMOTE, wire.SASL_START, args, 1)[:-8], 300)
    with Wire(daemon.socket(True)) as client:
        client.open()
    wanted += [password[:-3].encode(), chars(password[:-3].encode())[4:]]
    try:
        assert memory_has(daemon.pid, str(daemon.socket()).encode())
        assert memory_has(daemon.pid, *wanted) == set()
    finally:
        for client in clients:
            client.close()
