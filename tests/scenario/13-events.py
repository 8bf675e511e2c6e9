#!/usr/bin/env python3
"""An events plugin in a running daemon: told of everything, in order, and its veto counts."""
import os
import pathlib

import harness
from harness import Rig, Skip, equal, fails, fault, has, true, wait_until


def guarded(rig, node, **config):
    """The node with tests/contract/events_guard.cc, which CMake names to us."""
    guard = os.environ.get("TIDEGATE_EVENTS_GUARD", "")
    if not pathlib.Path(guard).is_file():
        raise Skip("TIDEGATE_EVENTS_GUARD names no plugin")
    journal = node.folder / "journal"
    node.config["events"] = [{"plugin": guard, "config": {"journal": str(journal), **config}}]
    return journal


def case_everything_is_told():
    with Rig() as rig:
        cloud, gateway, (sensor,) = rig.tree()
        journal = guarded(rig, gateway)
        has(gateway.check().out, "ok: events events-guard")
        rig.start(cloud, gateway, sensor)
        sensor.put("Fault", fault(1))
        sensor.sync("server")
        wait_until(lambda: "acked by parent 1" in journal.read_text(), "the ack in the journal")
        sensor.stop()
        wait_until(lambda: "disconnected child 101: " in journal.read_text(), "the disconnect in the journal")
        gateway.stop()
        lines = journal.read_text().splitlines()
        equal((lines[0], lines[-1]), ("start", "stop"), "first and last line")
        for line in ("connected parent 1", "connected child 101", "changed Fault from child 101", "received 1 from child 101"):
            true(line in lines, f"{line!r} is in the journal:\n" + "\n".join(lines))
        true(lines.index("changed Fault from child 101") < lines.index("received 1 from child 101"), "in order")


def case_vetoed_write_is_refused_with_the_reason():
    with Rig() as rig:
        node = rig.node("sensor", "device", 101)
        guarded(rig, node, unwanted_word="secret")
        node.start()
        fails(node.attempt("put", "Note", "text=a secret"), 1, "the word secret is not wanted here")
        node.run("put", "Note", "text=plain")
        equal(len(node.find("Note")), 1, "notes")


def case_vetoed_incoming_change_is_quarantined_with_it():
    with Rig() as rig:
        cloud, gateway, (sensor,) = rig.tree()
        guarded(rig, gateway, unwanted_word="secret")
        rig.start(cloud, gateway, sensor)
        sensor.put("Fault", fault(1, message="a secret"))
        sensor.put("Fault", fault(2))
        wait_until(lambda: len(cloud.find("Fault")) == 1, "the other one at the cloud")
        for node in (gateway, sensor):
            wait_until(node.quarantine, f"the entry at {node.name}")
            equal([entry["reason"] for entry in node.quarantine()], ["the word secret is not wanted here"], node.name)
        sensor.put("Fault", fault(1, message="said otherwise"))
        sensor.sync("server")
        wait_until(lambda: not sensor.quarantine(), "the end of the entry")
        equal(len(cloud.find("Fault")), 2, "faults at the cloud")


def case_vetoed_neighbour_is_refused_with_the_reason():
    with Rig() as rig:
        cloud, gateway, (sensor,) = rig.tree()
        guarded(rig, gateway, unwanted_agent=101)
        rig.start(cloud, gateway)
        sensor.start()
        wait_until(lambda: (sensor.parent_link() or {}).get("state") == "refused", "the refusal")
        has(sensor.parent_link()["last_error"], "agent 101 is not wanted here")


if __name__ == "__main__":
    harness.main(globals())
