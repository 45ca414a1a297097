# SPDX-License-Identifier: LGPL-2.1-or-later
"""A visitor of QEMU's SPICE server, who comes as far as QEMU tells of one."""
import hashlib
import select
import socket
import struct
import time

KEY_LENGTH = 128
MAIN_CHANNEL = 1
NOT_AVAILABLE = 11
# Of the server's key, 1,024 bits in DER: the modulus is followed by the exponent, 65537.
EXPONENT = b"\x02\x03\x01\x00\x01"


def mask(seed, length):
    """MGF1 of RFC 8017 with SHA-1."""
    blocks = (hashlib.sha1(seed + struct.pack(">I", i)).digest() for i in range(length // 20 + 1))
    return b"".join(blocks)[:length]


def xor(one, other):
    return bytes(a ^ b for a, b in zip(one, other))


def encrypt(modulus, text):
    """RSAES-OAEP of the same, with nothing by chance: it keeps no secret."""
    seed = bytes(20)
    block = hashlib.sha1(b"").digest()
    block += bytes(KEY_LENGTH - 2 * 20 - 2 - len(text)) + b"\1" + text
    block = xor(block, mask(seed, len(block)))
    whole = b"\0" + xor(seed, mask(block, 20)) + block
    return pow(int.from_bytes(whole, "big"), 65537,
               int.from_bytes(modulus, "big")).to_bytes(KEY_LENGTH, "big")


def enter(path, patience):
    """One attempt; what the server answers, 0 if it is content. Then it leaves."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(patience)
        sock.connect(str(path))
        message = struct.pack("<IBBIII", 0, MAIN_CHANNEL, 0, 0, 0, 18)
        sock.sendall(b"REDQ" + struct.pack("<III", 2, 2, len(message)) + message)
        head = sock.recv(16, socket.MSG_WAITALL)
        assert head[:4] == b"REDQ"
        answer = sock.recv(struct.unpack("<I", head[12:])[0], socket.MSG_WAITALL)
        end = answer.index(EXPONENT)
        sock.sendall(encrypt(answer[end - KEY_LENGTH:end], b"\0"))
        verdict = struct.unpack("<I", sock.recv(4, socket.MSG_WAITALL))[0]
        if verdict == 0:
            assert sock.recv(1)         # the channel's first message: it has begun
        return verdict


def visit(path, patience):
    """Comes without a password, and goes; within so many seconds."""
    deadline = time.monotonic() + patience
    while (verdict := enter(path, patience)):
        # It happens that its only channel isn't there for a moment.
        assert verdict == NOT_AVAILABLE and time.monotonic() < deadline, verdict
        select.select([], [], [], 0.01)
