#!/usr/bin/env python3
"""Sends frames out of eth0 as fast as it can, for scripts/bench-live.

    flood.py SECONDS BYTES MAC

Frames of BYTES (without the frame check sequence) to MAC, of an EtherType for experiments, 64 a system call.
Prints how many the kernel took, and in how many seconds.
"""

import ctypes
import socket
import sys
import time

BATCH = 64
ETHERTYPE = b"\x88\xb5"  # IEEE 802, local experimental EtherType 1


class Iovec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


class Message(ctypes.Structure):  # struct mmsghdr of recvmmsg(2), with the padding of 64-bit Linux
    _fields_ = [
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint32),
        ("iovec", ctypes.POINTER(Iovec)),
        ("iovecs", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
        ("sent", ctypes.c_uint32),
    ]


def main(seconds, size, mac):
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    wire.bind(("eth0", 0))
    target = bytes.fromhex(mac.replace(":", ""))
    source = wire.getsockname()[4]
    frame = ctypes.create_string_buffer((target + source + ETHERTYPE).ljust(int(size), b"\0"), int(size))
    iovec = Iovec(ctypes.addressof(frame), int(size))
    messages = (Message * BATCH)(*[Message(iovec=ctypes.pointer(iovec), iovecs=1) for _ in range(BATCH)])
    send = ctypes.CDLL(None, use_errno=True).sendmmsg
    began = time.monotonic()
    sent = 0
    while time.monotonic() < began + float(seconds):
        # A queue that is full refuses some: they are not sent.
        sent += max(0, send(wire.fileno(), messages, BATCH, 0))
    print(sent, time.monotonic() - began)


main(*sys.argv[1:])
