#!/usr/bin/env python3
"""The disk below the replica fails: nothing is acknowledged that is not on it, and after a failed sync the daemon ends
and begins anew from what is."""
import os

import harness
from harness import Rig, equal, fails, has, reading, true, wait_until
from rig import FailingDisk


def case_a_write_that_fails_is_refused_and_the_daemon_goes_on():
    with Rig() as rig:
        disk = FailingDisk(rig)
        node = rig.node("sensor", "device", 101)
        node.start(under=disk.under)
        node.put_many("Reading", [reading(n) for n in range(100)])
        disk.set("write")
        for _ in range(3):
            fails(node.attempt("put", "Status", "state=lost"), 1, "replica.db", "disk I/O error", "check the disk")
        equal((len(node.find("Reading")), node.find("Status")), (100, []), "what was there, and nothing else")
        health = node.json("status")
        true(any("disk I/O error" in problem for problem in health["problems"]), f"the problems: {health['problems']}")
        disk.clear("write")
        node.put("Status", {"state": "stored"})
        node.kill()
        node.start()
        equal((len(node.find("Reading")), [one["state"] for one in node.find("Status")]), (100, ["stored"]), "after a kill")


def case_after_a_failed_sync_the_daemon_ends_and_begins_from_the_disk():
    with Rig() as rig:
        disk = FailingDisk(rig)
        node = rig.node("sensor", "device", 101)
        node.start(under=disk.under)
        node.put_many("Reading", [reading(n) for n in range(100)])
        disk.set("sync")
        fails(node.attempt("put", "Status", "state=lost"), 1, "replica.db", "disk I/O error", "a sync failed")
        wait_until(lambda: node.process.poll() is not None, "the end of the daemon", 10)
        equal(node.process.returncode, 74, "its exit code")
        has(node.tail(), "a sync failed", "the storage gave up")

        node.start(wait=False, under=disk.under)
        wait_until(lambda: node.process.poll() is not None, "the end of a start on the failing disk", 20)
        equal(node.process.returncode, 1, "the exit code of that start")
        has(node.tail(), "replica.db", "sync")

        # Now the disk works; what was not synced is lost, and what the page cache still shows of it is no proof.
        disk.clear("sync")
        node.start(under=disk.under)
        equal((len(node.find("Reading")), node.find("Status")), (100, []), "what was acknowledged, and nothing else")
        node.put("Status", {"state": "stored"})
        node.kill()
        node.start(under=disk.under)
        equal((len(node.find("Reading")), [one["state"] for one in node.find("Status")]), (100, ["stored"]), "after a kill")


def case_a_batch_from_below_is_not_acknowledged_by_a_failing_disk():
    with Rig() as rig:
        disk = FailingDisk(rig)
        broker = rig.broker()
        server = rig.node("cloud", "server", 1, downlink={"port": broker.port, "prefix": "cloud"})
        device = rig.node("sensor", "device", 101, uplink={"port": broker.port, "prefix": "cloud"})
        server.start(under=disk.under)
        rig.start(device)
        device.put_many("Reading", [reading(n) for n in range(50)])
        device.sync()
        disk.set("sync")
        device.put_many("Reading", [reading(n) for n in range(50, 100)])
        fails(device.attempt("sync", "--wait", "--to", "server", "--timeout", "1s"), 5)
        wait_until(lambda: server.process.poll() is not None, "the end of the server", 10)
        equal(server.process.returncode, 74, "its exit code")
        equal(device.parent_link()["pending_changes"], 50, "what is pending at the device")
        disk.clear("sync")
        server.start(under=disk.under)
        device.sync()
        harness.settled([device, server], "Reading", 101)
        equal(len(server.find("Reading")), 100, "readings at the server")


def case_damaged_pages_are_said_and_a_comparison_ends():
    with Rig() as rig:
        broker = rig.broker()
        server = rig.node("cloud", "server", 1, downlink={"port": broker.port, "prefix": "cloud"})
        device = rig.node("sensor", "device", 101, uplink={"port": broker.port, "prefix": "cloud"})
        rig.start(server, device)
        device.put_many("Reading", [reading(n) for n in range(3000)])
        device.sync()
        device.stop()
        replica = device.folder / "replica.db"
        pages = replica.stat().st_size // 4096
        with open(replica, "r+b") as file:
            for page in range(pages * 6 // 10, pages * 7 // 10):  # of the readings; what a start needs lies before
                file.seek(page * 4096)
                file.write(os.urandom(4096))
        device.start()
        fails(device.attempt("find", "Reading"), 1, "malformed")
        problems = device.json("status")["problems"]
        true(any("damaged" in one and "tidegate restore" in one for one in problems), f"the problems: {problems}")
        true(device.attempt("verify", "parent", "--timeout", "60s").code != 0, "the comparison fails")


if __name__ == "__main__":
    harness.main(globals())
