#!/usr/bin/env python3
"""Sensors, gateway and cloud in network namespaces of their own, joined by links that lose, delay, are cut in one direction
or both, and processes that die or stand still behind a cut, under load. Nothing acknowledged is lost, nothing is there twice.

usage: tests/fault/network.py [--events N] [--seed S] [--keep]

                 wan                     plant1
    cloud  <----------------> gateway <----------> sensor1
    + its broker              + its    <----------> sensor2
                                broker   plant2

Between events each link loses 1 % and delays by 20 ms. Needs root and /dev/net/tun; what it makes in the network ends with
it, however it ends.
exit status: 0 all held, 1 not, 77 no namespaces here
"""
import random
import sys
import time

from load import NotHere, Rig, Run, options_of, verdict
from wan import Wan

FAIR = {"loss": 0.01, "delay_ms": 20, "jitter_ms": 5, "kbit_s": 0, "cut": False}
SYNC = {"sync_delay": "50ms", "keepalive": "1s", "link_timeout": "3s", "hello_retry_max_ms": "2s", "resend_max_ms": "2s"}
LINK_TIMEOUT_S = 3


class Network:
    """ends: {link: {space: [what runs there]}}."""

    def __init__(self, ends, seed):
        self.ends = ends
        self.links = list(ends)
        self.random = random.Random(seed)

    def away(self):
        """Often short, sometimes longer than a session lives without a word."""
        time.sleep(self.random.choice((self.random.uniform(0.1, 1), self.random.uniform(0.5, 2), LINK_TIMEOUT_S + 1)))

    def poor(self, link):
        loss, delay_ms = self.random.uniform(0.03, 0.3), self.random.randint(5, 150)
        link.set(loss=loss, delay_ms=delay_ms, jitter_ms=delay_ms / 2, kbit_s=self.random.choice((0, 256, 2000)))
        self.away()
        return f"{link.name} lost {loss:.0%}, {delay_ms} ms"

    def partition(self, link):
        link.set(cut=True)
        self.away()
        return f"{link.name} was cut"

    def half_open(self, link):
        toward = self.random.choice(sorted(self.ends[link]))
        link.set(toward=toward, cut=True)
        self.away()
        return f"{link.name} carried nothing towards {toward}"

    def killed_behind_a_cut(self, link):
        """Whoever is on the other side still has the connection."""
        victim = self.random.choice(self.ends[link][self.random.choice(sorted(self.ends[link]))])
        link.set(cut=True)
        victim.kill()
        victim.start()
        self.away()
        return f"{link.name} was cut, {victim.name} killed and started behind it"

    def frozen(self, link):
        victim = self.random.choice(self.ends[link][self.random.choice(sorted(self.ends[link]))])
        victim.freeze()
        self.away()
        victim.thaw()
        return f"{victim.name} stood still"

    def disturb(self, events):
        kinds = (self.partition, self.half_open, self.poor, self.killed_behind_a_cut, self.frozen)

        def do(run):
            for number in range(1, events + 1):
                time.sleep(self.random.uniform(0.1, 1))
                link = self.random.choice(self.links)
                started = time.monotonic()
                told = kinds[number % len(kinds)](link)
                link.set(**FAIR)
                if run.failed():
                    return
                run.note(f"event {number:4} of {events}: {told}, {time.monotonic() - started:.1f} s")
        return do

    def mend(self):
        for link in self.links:
            link.mend()


def tree_in(rig, wan, sensors):
    """(server, router, sensors), and the links with what runs at their ends."""
    under = {name: wan.space(name) for name in ("cloud", "gateway", *(f"sensor{i + 1}" for i in range(sensors)))}
    uplinks = [wan.link("wan", ("gateway", "10.77.0.2"), ("cloud", "10.77.0.1"))]
    uplinks += [wan.link(f"plant{i}", (f"sensor{i}", f"10.77.{i}.2"), ("gateway", f"10.77.{i}.1")) for i in range(1, sensors + 1)]
    brokers = {name: rig.broker(f"{name}-broker", under=under[name], address="0.0.0.0") for name in ("cloud", "gateway")}

    def uplink(to, address, prefix):
        return {"host": address, "port": brokers[to].port, "prefix": prefix, "keepalive_s": 5}

    def downlink(of, prefix):
        return {"port": brokers[of].port, "prefix": prefix, "keepalive_s": 5}

    cloud = rig.node("cloud", "server", 1, downlink=downlink("cloud", "cloud"), sync=SYNC)
    gateway = rig.node("gateway", "router", 10, uplink=uplink("cloud", "10.77.0.1", "cloud"), downlink=downlink("gateway", "plant"),
                       sync=SYNC)
    devices = [rig.node(f"sensor{i}", "device", 100 + i, uplink=uplink("gateway", f"10.77.{i}.1", "plant"), sync=SYNC)
               for i in range(1, sensors + 1)]
    at = {"cloud": [cloud, brokers["cloud"]], "gateway": [gateway, brokers["gateway"]]}
    for node in (cloud, gateway, *devices):
        node.under = under[node.name]
    ends = {uplinks[0]: {name: at[name] for name in ("cloud", "gateway")}}
    for link, device in zip(uplinks[1:], devices):
        ends[link] = {device.name: [device], "gateway": at["gateway"]}
    return (cloud, gateway, devices), ends


def main():
    options = options_of("tests/fault/network.py", __doc__, "events", 5)
    started = time.monotonic()
    with Rig(keep=options.keep) as rig, Wan() as wan:
        tree, ends = tree_in(rig, wan, 2)
        cloud, gateway, sensors = tree
        rig.start(cloud, gateway, *sensors)
        network = Network(ends, options.seed)
        for link in ends:
            link.set(**FAIR)
        run = Run(rig, tree, options.seed)
        failed = run.go(network.disturb(options.count), undo=network.mend)
        lost = sum(way["lost"] for link in ends for way in link.stats().values())
        passed = sum(way["passed"] for link in ends for way in link.stats().values())
    print(f"{options.count} events in {time.monotonic() - started:.0f} s, {passed} packets, {lost} lost: "
          f"{verdict(failed, options.again) if lost else 'the links lost nothing: the test tested nothing'}")
    return 1 if failed or not lost else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except NotHere as why:
        print(f"skip: {why}")
        sys.exit(77)
