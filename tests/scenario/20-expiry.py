#!/usr/bin/env python3
"""Items with a ttl: gone for everybody at their time, their rows a little later, without a delete."""
import datetime
import time

import harness
from harness import Rig, changed_schema, equal, true, wait_until

# Rows are swept when every clock that is right has passed their time.
QUICK = {"clock_drift_max": "2s"}


def in_seconds(seconds):
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return at.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def rows(node):
    return node.status()["items"]


def tree(rig):
    cloud, gateway, (sensor,) = rig.tree()
    schema = changed_schema(rig, "notes.json5", ("Note: {sync: 'none'}", "Note: {sync: 'up'}"))
    for node in (cloud, gateway, sensor):
        node.config["schemas"] = [str(schema)]
        node.config.setdefault("limits", {}).update(QUICK)
    rig.start(cloud, gateway, sensor)
    return cloud, gateway, sensor


def case_items_of_a_model_that_goes_up_are_gone_at_every_node():
    with Rig() as rig:
        nodes = cloud, gateway, sensor = tree(rig)
        soon = in_seconds(4)
        sensor.put_many("Note", [{"id": f"n{n:02d}", "text": "short", "expires": soon} for n in range(20)])
        sensor.put("Note", {"id": "stays", "text": "long"})
        sensor.sync("server")
        wait_until(lambda: all(len(node.find("Note", "--owner", 101)) == 1 for node in nodes), "they have expired")
        for node in nodes:
            equal(node.digests()[("Note", 101)][0], 1, f"what the digest of {node.name} counts")
        wait_until(lambda: all(rows(node) == 1 for node in nodes), "their rows are gone")
        for node in nodes:
            equal(node.status()["tombstones"], 0, f"tombstones at {node.name}")
        # Nobody brings them back: not a start, not a comparison.
        gateway.restart()
        rig.wait_linked(gateway, sensor)
        sensor.run("verify", "10")
        gateway.run("verify", "1")
        equal([rows(node) for node in nodes], [1, 1, 1], "rows")


def case_what_expired_before_it_arrived_ends_what_is_there():
    with Rig() as rig:
        nodes = cloud, gateway, sensor = tree(rig)
        sensor.put("Note", {"id": "a", "text": "old"})
        sensor.sync("server")
        gateway.stop()
        sensor.put("Note", {"id": "a", "text": "new", "expires": in_seconds(1)})
        wait_until(lambda: not sensor.find("Note"), "it has expired")
        time.sleep(5)
        equal(rows(sensor), 1, "rows: the cloud has an older state")
        equal(len(cloud.find("Note", "--owner", 101)), 1, "notes at the cloud")
        gateway.start()
        wait_until(lambda: not cloud.find("Note", "--owner", 101), "gone at the cloud too")
        wait_until(lambda: all(rows(node) == 0 for node in nodes), "and their rows")
        true(all(node.status()["healthy"] for node in nodes), "all are well")


if __name__ == "__main__":
    harness.main(globals())
