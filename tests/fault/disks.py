#!/usr/bin/env python3
"""Disks that fail and a disk that fills, at random moments, under load: below any node writes or syncs fail for a while,
and the gateway's replica lies on a small file system that is filled. Nothing acknowledged is lost, nothing is there twice.

usage: tests/fault/disks.py [--faults N] [--seed S] [--keep]

A daemon whose sync failed ends; it is started again when its disk works, as systemd would. Without root the gateway's disk
does not fill; the rest is done.
exit status: 0 all held, 1 not, 77 the library that makes disks fail is not built
"""
import contextlib
import ctypes
import os
import random
import sys
import time

from load import Rig, Run, options_of, verdict
from rig import FailingDisk, NotHere, fill, small_disk, wait_until

CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x20000, 0x4000, 0x40000
DISK_MIB = 64


def mounts_of_our_own():
    """What is mounted from here on ends with this process and those that it starts, however they end."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) == 0:
        libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None)


class Disks:
    def __init__(self, failing, small, seed):
        self.failing = failing  # {node: FailingDisk}
        self.small = small      # the folder of the gateway's, or None
        self.random = random.Random(seed)

    def start_the_ended(self):
        for node in self.failing:
            if not node.running():
                node.start()

    def fail(self, fault):
        node = self.random.choice(sorted(self.failing, key=lambda node: node.name))
        self.failing[node].set(fault)
        time.sleep(self.random.uniform(0.1, 1.0))
        ended = not node.running()
        self.failing[node].clear(fault)
        self.start_the_ended()
        return f"{node.name}: {fault}s failed" + (", it ended" if ended else "")

    def fill(self):
        filler = fill(self.small, leave=self.random.choice((0, 1 << 16)))
        time.sleep(self.random.uniform(0.3, 1.5))
        filler.unlink()
        return "gateway: its disk was full"

    def disturb(self, faults):
        def do(run):
            for number in range(1, faults + 1):
                time.sleep(self.random.uniform(0.1, 0.8))
                self.start_the_ended()  # also who was about to end when we last looked
                kinds = ["write", "sync"] + (["full"] if self.small else [])
                kind = kinds[number % len(kinds)]
                told = self.fill() if kind == "full" else self.fail(kind)
                if run.failed():
                    return
                run.note(f"fault {number:4} of {faults}: {told}")
        return do

    def all_answer(self):
        self.start_the_ended()
        return all(node.attempt("status").code == 0 for node in self.failing)


def main():
    options = options_of("tests/fault/disks.py", __doc__, "faults", 6)
    started = time.monotonic()
    mounts_of_our_own()
    with Rig(keep=options.keep) as rig, contextlib.ExitStack() as stack:
        small = stack.enter_context(small_disk(rig, DISK_MIB)) if os.geteuid() == 0 else None
        tree = rig.tree(2, sync={"sync_delay": "50ms"})
        cloud, gateway, sensors = tree
        if small:
            gateway.config["storage"]["config"]["path"] = str(small / "replica.db")
        failing = {}
        for node in (cloud, gateway, *sensors):
            failing[node] = FailingDisk(rig, node.agent)
            node.under = failing[node].under
        rig.start(cloud, gateway, *sensors)
        disks = Disks(failing, small, options.seed)
        failed = Run(rig, tree, options.seed).go(disks.disturb(options.count),
                                                 undo=lambda: wait_until(disks.all_answer, "every daemon"))
    print(f"{options.count} faults in {time.monotonic() - started:.0f} s: {verdict(failed, options.again)}")
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except NotHere as why:
        print(f"skip: {why}")
        sys.exit(77)
