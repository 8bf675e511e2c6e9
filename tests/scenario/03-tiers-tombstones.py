#!/usr/bin/env python3
"""Deletes go the way their items went, both ways, and stay deleted."""
import harness
from harness import Rig, equal, fault, reading, settled, wait_until


def case_a_delete_goes_up():
    with Rig() as rig:
        cloud, gateway, (sensor,) = rig.started_tree()
        sensor.put_many("Reading", [reading(n) for n in range(50)])
        sensor.sync("server")
        for number in range(0, 50, 2):
            sensor.remove("Reading", "station=s", f"id=r{number:06d}")
        sensor.sync("server")
        settled([sensor, gateway, cloud], "Reading", 101)
        equal([int(item["temperature"]) for item in cloud.find("Reading")], list(range(1, 50, 2)), "what is left")
        equal(cloud.status()["tombstones"], 25, "tombstones at the cloud")


def case_a_delete_goes_down_to_one_and_to_all():
    with Rig() as rig:
        cloud, gateway, (one, two) = rig.started_tree(2)
        cloud.put("Config", {"name": "a", "value": "1"}, "--to", 101)
        cloud.put("Config", {"name": "b", "value": "1"})
        wait_until(lambda: len(one.find("Config")) == 2 and two.find("Config"), "the config items")
        cloud.remove("Config", "name=a", "--owner", 101)
        cloud.remove("Config", "name=b")
        wait_until(lambda: not one.find("Config") and not two.find("Config"), "the config items gone")
        settled([one, gateway, cloud], "Config", 101)
        settled([one, two, gateway, cloud], "Config", 0)


def case_a_both_item_is_removed_from_either_end():
    with Rig() as rig:
        cloud, gateway, (one, two) = rig.started_tree(2)
        one.put("Status", {"state": "a"})
        two.put("Status", {"state": "b"})
        wait_until(lambda: len(cloud.find("Status")) == 2, "the status items")
        cloud.remove("Status", "--owner", 101)
        wait_until(lambda: not one.find("Status"), "the removal from the cloud at the sensor")
        two.remove("Status")
        wait_until(lambda: not cloud.find("Status"), "the removal from the sensor at the cloud")
        settled([one, gateway, cloud], "Status", 101)
        settled([two, gateway, cloud], "Status", 102)


def case_deleted_and_made_again_is_there():
    with Rig() as rig:
        cloud, gateway, (sensor,) = rig.started_tree()
        for round_ in range(3):
            sensor.put("Fault", fault(1, message=f"round {round_}"), "--mode", "create")
            sensor.sync("server")
            equal([item["message"] for item in cloud.find("Fault")], [f"round {round_}"], "at the cloud")
            sensor.remove("Fault", "device=d", "id=f1")
            sensor.sync("server")
            equal(cloud.find("Fault"), [], "after the delete")
        settled([sensor, gateway, cloud], "Fault", 101)


def case_deletes_survive_restarts_of_all():
    with Rig() as rig:
        cloud, gateway, (sensor,) = rig.started_tree()
        sensor.put("Fault", fault(1))
        sensor.sync("server")
        sensor.remove("Fault", "device=d", "id=f1")
        sensor.sync("server")
        for node in (cloud, gateway, sensor):
            node.stop()
        rig.start(cloud, gateway, sensor)
        sensor.put("Fault", fault(2))
        sensor.sync("server")
        for node in (cloud, gateway, sensor):
            equal([item["id"] for item in node.find("Fault")], ["f2"], f"at {node.name}")
        settled([sensor, gateway, cloud], "Fault", 101)


if __name__ == "__main__":
    harness.main(globals())
