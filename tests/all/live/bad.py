"""Controllers that nobody wants: bad.py KIND ADDRESS:PORT"""

import os
import signal
import socket
import sys
import time

KIND, LISTEN = sys.argv[1:]
ADDRESS, PORT = LISTEN.split(":")


def listen():
    server = socket.create_server((ADDRESS, int(PORT)))
    print("listening", flush=True)
    return server


def children():
    """Some that are in no group and no session of ours, and have children themselves."""
    for _ in range(5):
        if os.fork() == 0:
            os.setsid()
            os.fork()
            time.sleep(1000)


def flood():
    out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    out.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    everybody = ADDRESS.rsplit(".", 1)[0] + ".255"
    while True:
        for _ in range(1000):
            try:
                out.sendto(b"flood", (everybody, 9))
            except OSError:
                pass
        print("." * 1_000)


if KIND == "crashes":
    sys.exit("no form is to my liking")
elif KIND == "silent":
    time.sleep(1000)
elif KIND == "crashes-when-called":
    listen().accept()
    os.kill(os.getpid(), signal.SIGSEGV)
elif KIND == "hangs":
    server = listen()
    calls = [server.accept()]
    while True:
        calls.append(server.accept())
elif KIND == "talks-nonsense":
    server = listen()
    while True:
        server.accept()[0].sendall(b"GET / HTTP/1.1\r\n\r\n")
elif KIND == "forks":
    server = listen()
    children()
    time.sleep(1000)
elif KIND == "forks-and-goes":
    server = listen()
    children()
    time.sleep(0.5)
elif KIND == "floods":
    server = listen()
    flood()
elif KIND == "stays":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    server = listen()
    while True:
        time.sleep(1000)
