#!/usr/bin/env python3
"""Ioto truncates its log of changes to send at start and deletes it at an orderly stop: what was changed offline never
replicates."""
import harness
from harness import Rig, equal, fault, settled


def offline_changes_survive(end):
    with Rig() as rig:
        link = rig.relay()
        cloud, sensor = rig.pair(link)
        sensor.put("Fault", fault(1))
        sensor.put("Fault", fault(2))
        sensor.sync("server")
        link.cut()
        sensor.put("Fault", {"device": "d", "id": "f1", "review": "reviewed"}, "--mode", "update")
        sensor.remove("Fault", "device=d", "id=f2")
        sensor.put("Fault", fault(3))
        sensor.restart(end)
        sensor.restart(end)
        equal(sensor.status()["items"], 2, "items at the sensor")
        link.mend()
        sensor.sync("server")
        equal([(item["id"], item["review"]) for item in cloud.find("Fault")], [("f1", "reviewed"), ("f3", "automatic")],
              "at the cloud")
        settled([sensor, cloud], "Fault", 101)


def case_offline_changes_replicate_after_orderly_restarts():
    offline_changes_survive(harness.signal.SIGTERM)


def case_offline_changes_replicate_after_kill_9():
    offline_changes_survive(harness.signal.SIGKILL)


if __name__ == "__main__":
    harness.main(globals())
