#!/usr/bin/env python3
"""Network namespaces joined by links that lose, delay and cut, in user space: no queueing discipline of the kernel is
needed, only root and /dev/net/tun. tests/fault/wan.py starts it and speaks to it.

Each line of stdin is a command, a JSON object; each is answered by one line, {"ok": ...} or {"error": text}.

  {"space": NAME}                              makes a network namespace; the answer is its path
  {"link": NAME, "ends": [[SPACE, IP], [SPACE, IP]], "mtu": BYTES}
  {"set": LINK, "toward": SPACE, FIELD: VALUE...}   of one direction, without "toward" of both
  {"stats": LINK}                              packets by direction: passed, lost

Fields: loss (0 to 1), delay_ms, jitter_ms, kbit_s (0 = no limit), cut (true: nothing passes). Packets keep their order.

The namespaces have no names: they are held open by this process alone, and by those that live in them. So nothing is left
when they end, whichever way. It ends with its stdin.
"""
import ctypes
import fcntl
import heapq
import json
import os
import random
import select
import struct
import subprocess
import sys
import time

CLONE_NEWNET = 0x40000000
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
QUEUE_BYTES_MAX = 4 << 20  # of one direction; what does not fit is lost, as at any router

libc = ctypes.CDLL(None, use_errno=True)


def check(result, what):
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")


def ip(*words):
    done = subprocess.run(["ip", *words], capture_output=True, text=True)
    if done.returncode != 0:
        raise OSError(f"ip {' '.join(words)}: {done.stderr.strip()}")


class Spaces:
    """Namespaces by name; `inside` is where this process is for as long as the with lasts."""

    def __init__(self):
        self.home = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        self.by_name = {}

    def make(self, name):
        check(libc.unshare(CLONE_NEWNET), "a new network namespace")
        try:
            ip("link", "set", "lo", "up")
            self.by_name[name] = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        finally:
            check(libc.setns(self.home, CLONE_NEWNET), "back to the first namespace")
        return f"/proc/{os.getpid()}/fd/{self.by_name[name]}"

    def tun(self, space, name, mine, other, mtu):
        """An interface in the space, as a file of IP packets."""
        check(libc.setns(self.by_name[space], CLONE_NEWNET), f"into namespace {space}")
        try:
            file = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
            fcntl.ioctl(file, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TUN | IFF_NO_PI))
            ip("address", "add", mine, "peer", other, "dev", name)
            ip("link", "set", name, "mtu", str(mtu), "up")
            return file
        finally:
            check(libc.setns(self.home, CLONE_NEWNET), "back to the first namespace")


class Direction:
    """From one end of a link to the other."""

    def __init__(self, source, target, toward, seed):
        self.source, self.target, self.toward = source, target, toward
        self.random = random.Random(seed)
        self.loss = self.delay_ms = self.jitter_ms = self.kbit_s = 0
        self.cut = False
        self.free_at = self.last_at = 0.0  # when the line has sent what it took; when its last packet arrives
        self.queued_bytes = self.passed = self.lost = 0

    def due(self, packet, now):
        """When the packet is at the other end; None: never."""
        if packet[0] >> 4 != 4:
            return None  # of IPv6 there is only the kernel's search for neighbours
        if self.cut or self.random.random() < self.loss or self.queued_bytes + len(packet) > QUEUE_BYTES_MAX:
            self.lost += 1
            return None
        self.passed += 1
        self.free_at = max(self.free_at, now) + (len(packet) / (self.kbit_s * 125) if self.kbit_s else 0)
        late_s = (self.delay_ms + self.random.uniform(-self.jitter_ms, self.jitter_ms)) / 1000
        self.last_at = max(self.last_at, self.free_at + max(0.0, late_s))
        return self.last_at


class Emulator:
    def __init__(self):
        self.spaces = Spaces()
        self.links = {}
        self.by_source = {}
        self.queue = []
        self.number = 0

    def run(self):
        buffer = b""
        while True:
            now = time.monotonic()
            wait_s = max(0.0, self.queue[0][0] - now) if self.queue else 1.0
            ready, _, _ = select.select([0, *self.by_source], [], [], wait_s)
            for file in ready:
                if file:
                    self.take(self.by_source[file])
                    continue
                data = os.read(0, 1 << 16)
                if not data:
                    return
                buffer += data
            while b"\n" in buffer:
                line, buffer = buffer.split(b"\n", 1)
                print(json.dumps(self.answer(line)), flush=True)
            self.deliver()

    def take(self, direction):
        for _ in range(64):  # then somebody else's turn
            try:
                packet = os.read(direction.source, 1 << 16)
            except BlockingIOError:
                return
            due = direction.due(packet, time.monotonic())
            if due is not None:
                self.number += 1
                direction.queued_bytes += len(packet)
                heapq.heappush(self.queue, (due, self.number, direction, packet))

    def deliver(self):
        now = time.monotonic()
        while self.queue and self.queue[0][0] <= now:
            _, _, direction, packet = heapq.heappop(self.queue)
            direction.queued_bytes -= len(packet)
            if direction.cut:  # what was on its way is lost too
                direction.lost += 1
                continue
            try:
                os.write(direction.target, packet)
            except OSError:
                direction.lost += 1

    def answer(self, line):
        try:
            command = json.loads(line)
            kind = next(iter(command))
            return {"ok": {"space": self.space, "link": self.link, "set": self.set, "stats": self.stats}[kind](**command)}
        except Exception as error:
            return {"error": str(error) or repr(error)}

    def space(self, space):
        return self.spaces.make(space)

    def link(self, link, ends, mtu=1400):
        (one, one_ip), (two, two_ip) = ends
        name = f"wan{len(self.links)}"
        first = self.spaces.tun(one, name, one_ip, two_ip, mtu)
        second = self.spaces.tun(two, name, two_ip, one_ip, mtu)
        self.links[link] = [Direction(first, second, two, f"{link}>"), Direction(second, first, one, f"{link}<")]
        for direction in self.links[link]:
            self.by_source[direction.source] = direction

    def set(self, set, toward=None, **fields):
        for direction in self.links[set]:
            if toward in (None, direction.toward):
                for field, value in fields.items():
                    if field not in ("loss", "delay_ms", "jitter_ms", "kbit_s", "cut"):
                        raise ValueError(f"no field '{field}'")
                    setattr(direction, field, value)

    def stats(self, stats):
        return {direction.toward: {"passed": direction.passed, "lost": direction.lost} for direction in self.links[stats]}


if __name__ == "__main__":
    sys.exit(Emulator().run())
