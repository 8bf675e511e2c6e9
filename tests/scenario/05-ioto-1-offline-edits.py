#!/usr/bin/env python3
"""Ioto sends only the first of several offline edits, and the create of what was created and deleted; its ack clears
the rest."""
import harness
from harness import Rig, equal, fault, settled


def offline(rig):
    link = rig.relay()
    cloud, sensor = rig.pair(link)
    link.cut()
    return link, cloud, sensor


def case_edits_1_2_3_end_as_3():
    with Rig() as rig:
        link, cloud, sensor = offline(rig)
        sensor.put("Fault", fault(1, magnitude=1))
        for number in (2, 3):
            sensor.put("Fault", {"device": "d", "id": "f1", "magnitude": number}, "--mode", "update")
        link.mend()
        sensor.sync("server")
        equal(cloud.get("Fault", "device=d", "id=f1", "--owner", 101)["magnitude"], 3, "the magnitude at the cloud")
        settled([sensor, cloud], "Fault", 101)


def case_created_and_deleted_is_not_there():
    with Rig() as rig:
        link, cloud, sensor = offline(rig)
        sensor.put("Fault", fault(1))
        sensor.remove("Fault", "device=d", "id=f1")
        sensor.put("Fault", fault(2))
        sensor.remove("Fault", "device=d", "id=f2")
        sensor.put("Fault", fault(2, message="again"))
        link.mend()
        sensor.sync("server")
        equal([(item["id"], item["message"]) for item in cloud.find("Fault")], [("f2", "again")], "at the cloud")
        settled([sensor, cloud], "Fault", 101)


def case_edits_made_while_the_first_is_on_its_way_are_not_cleared_by_its_ack():
    with Rig() as rig:
        link = rig.relay()
        cloud, sensor = rig.pair(link, sync={"sync_delay": "0ms"})
        for number in range(1, 101):
            sensor.put("Fault", fault(1, magnitude=number))
        sensor.sync("server")
        equal(cloud.get("Fault", "device=d", "id=f1", "--owner", 101)["magnitude"], 100, "the last edit")


if __name__ == "__main__":
    harness.main(globals())
