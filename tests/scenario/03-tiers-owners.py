#!/usr/bin/env python3
"""Whose an item is: equal keys of several devices live side by side; creator and addressee can be searched."""
import harness
from harness import Rig, equal, fault, settled


def case_three_status_items_with_one_key_coexist():
    with Rig() as rig:
        cloud, gateway, sensors = rig.started_tree(3)
        for sensor in sensors:
            sensor.put("Status", {"state": f"of {sensor.agent}"})
        for sensor in sensors:
            sensor.sync("server")
            settled([sensor, gateway, cloud], "Status", sensor.agent)
        for node in (gateway, cloud):
            equal(sorted((item["state"], item["_owner"], item["_src"], item["_dst"]) for item in node.find("Status")),
                  [(f"of {n}", n, n, 1) for n in (101, 102, 103)], f"at {node.name}")
            equal(len({harness.json.dumps((item["pk"], item["sk"])) for item in node.find("Status", "--hidden")}), 1,
                  "their keys are the same")
        for sensor in sensors:
            equal([item["_owner"] for item in sensor.find("Status")], [sensor.agent], f"at {sensor.name}")
        sensors[0].remove("Status")
        sensors[0].sync("server")
        equal(sorted(item["_owner"] for item in cloud.find("Status")), [102, 103], "after one is removed")


def case_equal_ids_of_up_items_do_not_collide():
    with Rig() as rig:
        cloud, gateway, (one, two) = rig.started_tree(2)
        one.put("Fault", fault(1, message="one"))
        two.put("Fault", fault(1, message="two"))
        one.sync("server")
        two.sync("server")
        equal(sorted(item["message"] for item in cloud.find("Fault", "device=d", "id=f1")), ["one", "two"], "both")
        equal(cloud.get("Fault", "device=d", "id=f1", "--owner", 102)["message"], "two", "one of them by its owner")


def case_src_and_dst_are_told_and_indexed():
    with Rig() as rig:
        cloud, gateway, (one, two) = rig.started_tree(2)
        one.put("Fault", fault(1))
        two.put("Fault", fault(2))
        cloud.put("Config", {"name": "a", "value": "1"}, "--to", 102)
        one.sync("server")
        two.sync("server")
        for node in (gateway, cloud):
            found = node.find("Fault", "--index", "source", "_src:=102")
            equal([(item["id"], item["_src"], item["_dst"]) for item in found], [("f2", 102, 1)], f"by creator at {node.name}")
        item = cloud.find("Config")[0]
        equal((item["_src"], item["_dst"], item["_owner"]), (1, 102, 102), "a down item")


if __name__ == "__main__":
    harness.main(globals())
