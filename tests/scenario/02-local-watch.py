#!/usr/bin/env python3
"""watch: every change as it is committed, and where it came from."""
import json

import harness
from harness import Rig, equal, fault


def events(watch):
    out, err = watch.communicate(timeout=60)
    equal(watch.returncode, 0, err)
    return [json.loads(line) for line in out.splitlines()]


def case_local_changes_come_in_order():
    with Rig() as rig:
        node = rig.node("sensor", "device", 101).start()
        node.put("Fault", fault(0))
        watch = node.watch("--count", 3)
        node.put("Fault", fault(1))
        node.put("Fault", {"device": "d", "id": "f1", "severity": "error"}, "--mode", "update")
        node.remove("Fault", "device=d", "id=f1")
        seen = events(watch)
        equal([(one["op"], one["from"]) for one in seen], [("put", "local"), ("put", "local"), ("remove", "local")], "events")
        equal([one.get("item", {}).get("severity") for one in seen[:2]], ["info", "error"], "the items")
        equal(seen[2]["key"], {"pk": "fault#d", "sk": "fault#f1"}, "the key of the remove")
        equal(seen[2]["seq"] - seen[0]["seq"], 2, "the seqs are consecutive")


def case_changes_of_a_neighbour_name_it():
    with Rig() as rig:
        cloud, gateway, (sensor,) = rig.started_tree()
        at_cloud, at_gateway = cloud.watch("Fault", "--count", 1), gateway.watch("Fault", "--count", 1)
        at_sensor = sensor.watch("Config", "--count", 1)
        sensor.put("Fault", fault(1))
        cloud.put("Config", {"name": "a", "value": "1"}, "--to", 101)
        equal([(one["from"], one["owner"]) for one in events(at_gateway)], [(101, 101)], "at the gateway")
        equal([(one["from"], one["owner"]) for one in events(at_cloud)], [(10, 101)], "at the cloud")
        equal([(one["from"], one["owner"]) for one in events(at_sensor)], [(10, 101)], "at the sensor")


def case_model_and_owner_select():
    with Rig() as rig:
        node = rig.node("sensor", "device", 101).start()
        watch = node.watch("Note", "--owner", 101, "--count", 1)
        node.put("Fault", fault(1))
        node.put("Note", {"id": "n", "text": "x"})
        equal([one["model"] for one in events(watch)], ["Note"], "models")


def case_a_stopping_daemon_ends_the_watch():
    with Rig() as rig:
        node = rig.node("sensor", "device", 101).start()
        watch = node.watch()
        node.stop()
        _, err = watch.communicate(timeout=20)
        equal((watch.returncode, "stopping" in err), (3, True), f"exit code {watch.returncode}, {err}")


if __name__ == "__main__":
    harness.main(globals())
