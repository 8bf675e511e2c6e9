#!/usr/bin/env python3
"""Lanes: what is urgent overtakes a backlog, and no lane starves. What is checked is the order in which changes are
committed at the cloud; how long it takes is a figure of script/bench."""
import sqlite3

import harness
from harness import Rig, equal, fault, noise, reading, settled, true

BACKLOG = 20_000
LANES = {"policies": [{"plugin": "policy-onetable", "config": {"lanes": {"Fault": "urgent", "Metric": "bulk"}}}]}


def metric(number):
    return {"host": f"h{number:06d}", "name": "load", "value": number, "time": harness.NOW}


def order_at(node):
    """The models of what the node holds, in the order in which it was committed there."""
    with sqlite3.connect(node.folder / "replica.db", timeout=10) as database:
        return [model for model, in database.execute("SELECT model FROM item ORDER BY seq")]


def filled(rig, fill, **options):
    """A gateway that has written while the cloud was away; then the cloud comes: (cloud, gateway, the order there)."""
    broker = rig.broker()
    cloud = rig.node("cloud", "server", 1, downlink={"port": broker.port, "prefix": "cloud"}, extra=LANES, **options)
    gateway = rig.node("gateway", "router", 10, uplink={"port": broker.port, "prefix": "cloud"}, extra=LANES, **options)
    gateway.start()
    fill(gateway)
    rig.start(cloud)
    gateway.sync()
    return cloud, gateway, order_at(cloud)


def case_an_alarm_behind_a_backlog_comes_first():
    def fill(gateway):
        gateway.put_many("Reading", [reading(n) for n in range(BACKLOG)])
        gateway.put("Fault", fault(1))

    with Rig() as rig:
        cloud, gateway, models = filled(rig, fill)
        equal(len(models), BACKLOG + 1, "items at the cloud")
        after = len(models) - models.index("Fault") - 1
        true(after > BACKLOG * 0.9, f"only {after} of {BACKLOG} readings, which were written before the alarm, came after it")
        settled([gateway, cloud], "Reading", 10)


def case_no_lane_starves():
    """Full backlogs in three lanes: the least gets its turn while the most urgent still has work, and the other way round."""
    def fill(gateway):
        gateway.put_many("Metric", [metric(n) for n in range(BACKLOG)])
        gateway.put_many("Reading", [reading(n) for n in range(BACKLOG)])
        gateway.put_many("Fault", [fault(n) for n in range(BACKLOG)])

    with Rig() as rig:
        cloud, gateway, models = filled(rig, fill)
        equal(len(models), 3 * BACKLOG, "items at the cloud")
        ends = {model: len(models) - 1 - models[::-1].index(model) for model in ("Metric", "Reading", "Fault")}
        true(models.index("Metric") < ends["Fault"] and models.index("Reading") < ends["Fault"],
             f"a lane waited until the urgent one was empty: {ends}")
        true(ends["Fault"] < ends["Reading"] < ends["Metric"], f"the lanes end in the order of their weights: {ends}")
        for model in ends:
            settled([gateway, cloud], model, 10)


def case_a_hot_state_does_not_chase_history():
    """A state that is updated all the time gets through while a backlog drains, and the backlog drains all the same."""
    with Rig() as rig:
        broker = rig.broker()
        link = rig.relay(broker)
        link.piece_bytes, link.piece_pause_s = 2048, 0.005
        cloud = rig.node("cloud", "server", 1, downlink={"port": broker.port, "prefix": "cloud"})
        gateway = rig.node("gateway", "router", 10, uplink={"port": link.port, "prefix": "cloud"},
                           sync={"frame_bytes": "16KiB", "window_bytes": "64KiB"})
        gateway.start()
        gateway.put_many("Reading", [reading(n, station=noise(100, n)) for n in range(BACKLOG // 4)])
        seen = cloud.start().watch("Status")
        number = 0
        while len(cloud.find("Reading")) < BACKLOG // 4:
            number += 1
            gateway.put("Status", {"state": f"s{number}"})
        gateway.sync()
        seen.terminate()
        out, _ = seen.communicate(timeout=10)
        true(len(out.splitlines()) >= 2, f"states came by while the backlog drained: {out}")
        equal([item["state"] for item in cloud.find("Status")], [f"s{number}"], "the state at the cloud")
        settled([gateway, cloud], "Reading", 10)


if __name__ == "__main__":
    harness.main(globals())
