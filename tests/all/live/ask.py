"""Asks a router what it does, by frames of its own, and prints a line for each case: `case: what happened`.

    ask.py listen FILE          on the far side, in 10.9.0.0/24: writes ARP requests and ICMP errors to FILE
    ask.py requests FILE        on the near side, in 10.2.0.0/24: ARP requests, and who answers them
    ask.py packets FILE         as `requests`, and then packets for hosts that are not there
    ask.py vanished FILE        as `packets`, and then packets for a host that was there

The router has 10.1.0.1, 10.2.0.1 and 10.9.0.1. The kernel of the far side is 10.9.0.10; that of the near side has the
address of a host that was moved here, and this program answers for all others. Times are rounded to half a second, past
which no kernel timer is off.
"""

import collections
import select
import socket
import struct
import subprocess
import sys
import threading
import time

BROADCAST = b"\xff" * 6
FOREIGN = bytes.fromhex("02dead000001")
ABSENT = "10.9.0.95"  # the far side answers the second request for it
FLOOD = 400  # packets for it
BURST = 100  # requests at once for hosts behind another interface
NEAR = [f"10.2.0.{number}" for number in range(50, 60)]  # of packets, a case each: errors have a rate each
STALE = "10.1.0.60"  # of packets whose sender has moved
MOVED = "10.1.0.50"  # of this side's kernel, which connects to the far side
VANISHED = "10.9.0.96"  # the far side asks for the router with it, and answers no request for it
PORT = 6800  # the far side's
HERE = "the interface's MAC"

# Case, sender address, target; a target may have the MAC that the frame goes to.
REQUESTS = [
    ("its address", "10.2.0.101", "10.2.0.1"),
    ("its address, by unicast", "10.2.0.102", ("10.2.0.1", "gateway")),
    ("its address, to a foreign MAC", "10.2.0.103", ("10.2.0.1", "foreign")),
    ("its address on another interface", "10.2.0.104", "10.1.0.1"),
    ("another host of the segment", "10.2.0.105", "10.2.0.77"),
    ("the broadcast address", "10.2.0.106", "10.2.0.255"),
    ("the network address", "10.2.0.107", "10.2.0.0"),
    ("a host behind another interface", "10.2.0.108", "10.9.0.99"),
    ("an address without a route", "10.2.0.109", "172.16.0.1"),
    ("its address, from a probe", "0.0.0.0", "10.2.0.1"),
    ("its address, which the sender claims", "10.2.0.1", "10.2.0.1"),
    ("its address, from another subnet", "10.1.0.111", "10.2.0.1"),
    ("its address on another interface, from that subnet", "10.1.0.112", "10.1.0.1"),
    ("a host behind another interface, from another subnet", "10.1.0.113", "10.9.0.99"),
    ("its address, from one without a route", "192.0.2.114", "10.2.0.1"),
    ("a host behind another interface, from one without a route", "192.0.2.115", "10.9.0.99"),
    ("the sender's own address, of another subnet", "10.1.0.116", "10.1.0.116"),
    ("an address of another subnet, from a probe", "0.0.0.0", "10.1.0.117"),
]

Seen = collections.namedtuple("Seen", "at frame")


def main(mode, file):
    wire = Wire()
    if mode == "listen":
        return listen(wire, file)
    wire.own = {*NEAR, STALE}
    gateway = find_gateway(wire)
    moved = Moved()
    requests(wire, gateway)
    burst(wire)
    unsolicited(wire, gateway)
    if mode != "requests":
        packets(wire, gateway, file)
    if mode == "vanished":
        vanished(wire, gateway, file)
    moved.say(wire, file)
    print("done", flush=True)


class Wire:
    """A packet socket on eth0, that answers ARP requests for the addresses `own`."""

    MAC = bytes.fromhex("020000aa0001")

    def __init__(self):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        # Room for all that a case sends at once; SO_RCVBUFFORCE.
        self.socket.setsockopt(socket.SOL_SOCKET, 33, 1 << 23)
        self.socket.bind(("eth0", 0))
        # The frames are for MACs that the interface does not have: PACKET_ADD_MEMBERSHIP, PACKET_MR_PROMISC.
        index = socket.if_nametoindex("eth0")
        self.socket.setsockopt(263, 1, struct.pack("iHH8s", index, 1, 0, b""))
        self.own = set()
        self.kernels = []  # what this side's kernel sent

    def send(self, frame):
        self.socket.send(frame)

    def hear(self, seconds):
        """The frames that arrive in this time."""
        end, seen = time.time() + seconds, []
        while (left := end - time.time()) > 0:
            if not select.select([self.socket], [], [], left)[0]:
                break
            frame, source = self.socket.recvfrom(65536)
            if source[2] == socket.PACKET_OUTGOING:
                self.kernels.append(Seen(time.time(), frame))
                continue
            seen.append(Seen(time.time(), frame))
            if is_arp(frame, 1) and text(frame[38:42]) in self.own and frame[28:32] != frame[38:42]:
                target, asker = text(frame[38:42]), text(frame[28:32])
                self.send(arp(2, self.MAC, target, frame[22:28], asker, frame[22:28]))
        return seen


class Moved(threading.Thread):
    """A host that kept the address and the gateway of another subnet connects to the far side."""

    def __init__(self):
        super().__init__(daemon=True)
        for command in f"address add {MOVED}/24 dev eth0", "route add default via 10.1.0.1":
            subprocess.run(["ip", *command.split()], check=True)
        self.start()

    def run(self):
        self.began = time.time()
        try:
            socket.create_connection(("10.9.0.10", PORT), 5).close()
            self.end = "connects"
        except TimeoutError:
            self.end = "is told nothing in 5 s"
        except OSError as error:
            self.end = f"is told '{error.strerror}' after {rounded(time.time() - self.began)} s"

    def say(self, wire, file):
        while self.is_alive():
            wire.hear(0.1)
        asked = [at for at, frame in wire.kernels if is_arp(frame, 1) and text(frame[38:42]) == "10.1.0.1"]
        after = " ".join(rounded(at - self.began) for at in asked)
        far = [line.split() for line in open(file)]
        print(
            f"a host that kept the address of another subnet opens a connection: asks for 10.1.0.1 after {after} s, "
            f"{self.end}; {told(far, MOVED, self.began)}"
        )


def listen(wire, file):
    server = socket.create_server(("", PORT))
    threading.Thread(target=lambda: [server.accept() for _ in range(9)], daemon=True).start()
    while not any(is_arp(frame, 2) and text(frame[38:42]) == VANISHED for _, frame in wire.hear(0.1)):
        wire.send(arp(1, wire.MAC, VANISHED, b"\0" * 6, "10.9.0.1", BROADCAST))
    asked_for = 0
    with open(file, "w", buffering=1) as log:
        print("listening", flush=True)
        while True:
            for at, frame in wire.hear(0.05):
                if is_arp(frame, 1):
                    to = "all" if frame[:6] == BROADCAST else "one"
                    print(at, "asks", to, text(frame[38:42]), text(frame[28:32]), file=log)
                    asked_for += text(frame[38:42]) == ABSENT
                    if text(frame[38:42]) == ABSENT and asked_for == 2:
                        wire.send(arp(2, wire.MAC, ABSENT, frame[22:28], text(frame[28:32]), frame[22:28]))
                elif (error := icmp(frame)) and error[0] == 3:
                    print(at, "error", *error[:2], text(frame[26:30]), text(error[2][16:20]), file=log)
                elif frame[12:14] == b"\x08\x00" and (frame[23] == 17 or frame[34] == 8):
                    print(at, "packet", frame[22], text(frame[26:30]), text(frame[30:34]), udp_port(frame), file=log)


def udp_port(frame):
    return struct.unpack("!H", frame[36:38])[0] if frame[23] == 17 else 0


def find_gateway(wire):
    wire.send(arp(1, wire.MAC, NEAR[0], b"\0" * 6, "10.2.0.1", BROADCAST))
    return next(seen.frame[22:28] for seen in wire.hear(1) if is_arp(seen.frame, 2))


def requests(wire, gateway):
    macs = {}
    for number, (case, sender, target) in enumerate(REQUESTS):
        target, to = target if isinstance(target, tuple) else (target, None)
        to = {None: BROADCAST, "gateway": gateway, "foreign": FOREIGN}[to]
        mac = bytes.fromhex("020000bb00%02x" % number)
        macs[mac] = (case, target)
        wire.send(arp(1, mac, sender, b"\0" * 6, target, to))
    # A proxy takes up to 0.8 s.
    heard = wire.hear(1.2)
    for mac, (case, target) in macs.items():
        answers = [seen.frame for seen in heard if is_arp(seen.frame, 2) and seen.frame[32:38] == mac]
        said = [describe(frame, target, gateway, mac) for frame in answers]
        print(f"{case}: {', '.join(said) or 'no answer'}")


def burst(wire):
    """Requests for hosts behind another interface, which a proxy answers after a while, and not all at once. An answer that
    leaves while requests still come makes room for one more: how many do depends on how fast they come."""
    mac = bytes.fromhex("020000bc0001")
    start = time.time()
    for number in range(BURST):
        wire.send(arp(1, mac, "10.2.0.130", b"\0" * 6, f"10.9.0.{100 + number}", BROADCAST))
    times = [at - start for at, frame in wire.hear(1.2) if is_arp(frame, 2) and frame[32:38] == mac]
    count = "65 answers or a few more" if 65 <= len(times) <= 75 else f"{len(times)} answers"
    spread = ", spread over up to 0.8 s" if times and 0.5 < max(times) < 1 else ""
    print(f"{BURST} requests at once for hosts behind another interface: {count}{spread}")


def unsolicited(wire, gateway):
    """ARP that nobody asked for; where the router then sends the answer to an echo request shows what it has learnt."""
    first, second = bytes.fromhex("020000bd0001"), bytes.fromhex("020000bd0002")
    unknown, known = "10.2.0.131", "10.2.0.132"
    wire.send(arp(1, first, known, b"\0" * 6, "10.2.0.1", BROADCAST))
    wire.hear(0.1)
    for form, address in [(1, unknown), (2, unknown), (1, known)]:
        wire.send(arp(form, second, address, second, address, BROADCAST))
    for address in unknown, known:
        wire.send(gateway + wire.MAC + b"\x08\x00" + echo(address, "10.9.0.10"))
    heard = [frame for _, frame in wire.hear(0.4)]
    for case, address in ("one that it does not know", unknown), ("one that it knows, with another MAC", known):
        asks = any(is_arp(frame, 1) and text(frame[38:42]) == address for frame in heard)
        to = {bytes(f[:6]) for f in heard if f[12:14] == b"\x08\x00" and text(f[30:34]) == address}
        where = "sends to the new MAC" if to == {second} else "sends to the old MAC" if to == {first} else "sends nothing"
        print(f"a gratuitous ARP of {case}: {'asks all for it, ' if asks else ''}{where}")


def describe(frame, target, gateway, mac):
    wrong = "" if text(frame[28:32]) == target else f" for {text(frame[28:32])}"
    with_mac = HERE if frame[22:28] == gateway == frame[6:12] else frame[22:28].hex(":")
    how = "" if frame[:6] == mac else ", not to the asker"
    return f"answered with {with_mac}{wrong}{how}"


def packets(wire, gateway, file):
    """Each case has a destination of its own, so that all can be under way at once."""
    start = time.time()

    def send(packet, count=1):
        for _ in range(count):
            wire.send(gateway + wire.MAC + b"\x08\x00" + packet)

    send(udp(NEAR[0], "10.9.0.10"))
    send(udp(NEAR[1], "10.9.0.91"))
    for port in range(3):
        send(udp(NEAR[2], "10.9.0.92", port=port))
    send(udp(NEAR[3], "10.9.0.93"), 10)
    send(udp(NEAR[4], "10.9.0.94", ttl=1))
    send(udp(NEAR[5], "172.16.0.1"))
    send(echo(STALE, "10.9.0.10"))
    for port in range(FLOOD):
        send(udp(NEAR[6], ABSENT, port=port))
    heard = wire.hear(4.2)
    again = time.time()
    send(udp(NEAR[1], "10.9.0.91"))
    later = wire.hear(3.7)
    far = [line.split() for line in open(file)]
    print(f"one packet for an absent host: {asked(far, '10.9.0.91', start, again)}; {errors(heard, NEAR[1], start)}")
    print(f"three packets for one at once: {asked(far, '10.9.0.92', start)}; {errors(heard, NEAR[2], start)}")
    print(f"ten packets for one at once: {errors(heard, NEAR[3], start)}")
    print(f"the next packet for an absent host: {asked(far, '10.9.0.91', again)}; {errors(later, NEAR[1], again)}")
    print(f"a packet with TTL 1: {errors(heard, NEAR[4], start)}")
    print(f"a packet without a route: {errors(heard, NEAR[5], start)}")
    print(f"a packet for a host that is there: {forwarded(far, NEAR[0])}")
    print(f"{FLOOD} packets for a host that answers the second request: {waited(far)}")
    print(f"an echo request of one from another subnet: {forwarded(far, STALE)}; {told(far, STALE, start)}")


def vanished(wire, gateway, file):
    """The router has heard of the host, so it sends at once; nobody answers when it looks whether the host is there."""
    start = time.time()
    heard = []
    # Not a part of a second: what a timer of seconds ends is then not next to a packet.
    for number in range(1, 18):
        wire.send(gateway + wire.MAC + b"\x08\x00" + udp(NEAR[7], VANISHED))
        heard += wire.hear(start + 0.7 * number - time.time())
    far = [line.split() for line in open(file)]
    sent = [float(line[0]) - start for line in far if line[1] == "packet" and line[4] == VANISHED]
    requests = [line for line in far if line[1] == "asks" and line[3] == VANISHED]
    to_one, to_all = ([float(it[0]) - start for it in requests if it[2] == who] for who in ("one", "all"))
    # A kernel's timer of 5 s is up to 0.26 s late, and the probes count from there: half of that off leaves room on both
    # sides.
    probes, requests = " ".join(rounded(at - 0.15) for at in to_one), " ".join(rounded(at) for at in to_all)
    print(
        f"a packet each 0.7 s for a host that has vanished: sent to its MAC until {rounded(max(sent))} s; "
        f"asks it after {probes} s, then all after {requests} s; {errors(heard, NEAR[7], start, 1)}"
    )


def asked(far, target, start, end=float("inf")):
    times = [float(line[0]) for line in far if line[1] == "asks" and line[3] == target and start <= float(line[0]) < end]
    who = {(line[2], line[4]) for line in far if line[1] == "asks" and line[3] == target}
    if not times:
        return "no request"
    after = " ".join(rounded(at - start) for at in times)
    return f"{len(times)} requests to {' '.join(f'{to} from {by}' for to, by in sorted(who))} after {after} s"


def errors(heard, source, start, count=None):
    """The ICMP errors that went to `source`, at most `count` of them."""
    found, ports = [], []
    for at, frame in heard:
        error = icmp(frame)
        if error and text(frame[30:34]) == source:
            kind, code, quoted = error
            flags = "DF" if frame[20] & 0x40 else "no DF"
            found.append(
                f"{kind}/{code} from {text(frame[26:30])} after {rounded(at - start)} s "
                f"(TTL {frame[22]}, TOS {frame[15]:#04x}, {flags}, quotes {len(quoted)} bytes with TTL {quoted[8]})"
            )
            ports.append(quoted[22:24])
    found, ports = found[:count], ports[:count]
    if not found:
        return "no ICMP error"
    order = "" if ports == sorted(ports) else ", not in order"
    return f"{len(found)} ICMP {', '.join(sorted(set(found)))}{order}"


def forwarded(far, source):
    ttls = [line[2] for line in far if line[1] == "packet" and line[3] == source]
    return f"forwarded with TTL {' '.join(ttls)}" if ttls else "not forwarded"


def waited(far):
    ports = [int(line[5]) - 9000 for line in far if line[1] == "packet" and line[4] == ABSENT]
    if not ports:
        return "none arrives"
    order = "in order" if ports == sorted(ports) else "not in order"
    return f"{len(ports)} arrive, the {min(ports)}th to the {max(ports)}th, {order}"


def told(far, target, start):
    """What the far side heard of its answer to `target`."""
    found = [line for line in far if line[1] == "error" and line[5] == target]
    if not found:
        return "the other side is told nothing"
    line = found[0]
    return f"the other side is told {line[2]}/{line[3]} by {line[4]} after {rounded(float(line[0]) - start)} s"


def rounded(seconds):
    return f"{round(seconds * 2) / 2:g}"


def arp(operation, mac, sender, target_mac, target, to):
    head = to + mac + b"\x08\x06" + struct.pack("!HHBBH", 1, 0x0800, 6, 4, operation)
    return head + mac + socket.inet_aton(sender) + target_mac + socket.inet_aton(target)


def is_arp(frame, operation):
    return frame[12:14] == b"\x08\x06" and len(frame) >= 42 and frame[20:22] == bytes([0, operation])


def icmp(frame):
    """Type, code and quoted packet of an ICMP error."""
    if frame[12:14] == b"\x08\x00" and frame[23] == 1 and frame[34] in (3, 11):
        length = struct.unpack("!H", frame[16:18])[0]
        return frame[34], frame[35], frame[42 : 14 + length]
    return None


def udp(source, target, ttl=64, port=0):
    payload = b"a packet for one who may be there!"
    return ip(source, target, ttl, 17, struct.pack("!HHHH", 9, 9000 + port, 8 + len(payload), 0) + payload)


def echo(source, target):
    head = bytes([8, 0, 0, 0, 0, 1, 0, 1])
    return ip(source, target, 64, 1, head[:2] + struct.pack("!H", checksum(head)) + head[4:])


def ip(source, target, ttl, protocol, payload):
    addresses = socket.inet_aton(source) + socket.inet_aton(target)
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 1, 0, ttl, protocol, 0) + addresses
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF


def text(address):
    return socket.inet_ntoa(address)


main(*sys.argv[1:])
