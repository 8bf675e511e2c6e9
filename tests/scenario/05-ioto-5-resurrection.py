#!/usr/bin/env python3
"""Ioto has no tombstones: an update that is older than a local delete brings the item back."""
import harness
from harness import Rig, equal, settled, wait_until


def case_an_older_update_from_the_cloud_does_not_bring_it_back():
    with Rig() as rig:
        link = rig.relay()
        cloud, sensor = rig.pair(link)
        sensor.put("Status", {"state": "first"})
        wait_until(lambda: cloud.find("Status"), "the status at the cloud")
        link.cut()
        cloud.put("Status", {"state": "older"}, "--mode", "update", "--owner", 101)
        sensor.remove("Status")
        link.mend()
        sensor.sync("server")
        settled([sensor, cloud], "Status", 101)
        equal((sensor.find("Status"), cloud.find("Status")), ([], []), "the status is gone at both ends")
        for node in (cloud, sensor):
            node.restart(harness.signal.SIGKILL)
        rig.wait_linked(sensor)
        settled([sensor, cloud], "Status", 101)
        equal((sensor.find("Status"), cloud.find("Status")), ([], []), "after restarts too")


def case_a_newer_update_is_no_resurrection():
    with Rig() as rig:
        link = rig.relay()
        cloud, sensor = rig.pair(link)
        sensor.put("Status", {"state": "first"})
        wait_until(lambda: cloud.find("Status"), "the status at the cloud")
        link.cut()
        sensor.remove("Status")
        cloud.put("Status", {"state": "newer"}, "--mode", "update", "--owner", 101)
        link.mend()
        settled([sensor, cloud], "Status", 101)
        equal([item["state"] for item in sensor.find("Status")], ["newer"], "the later edit wins")


def case_an_item_on_the_gateway_does_not_bring_back_what_was_deleted():
    """Deleted at the sensor while the gateway, which still holds it, is cut off from both."""
    with Rig() as rig:
        cloud, gateway, (sensor,) = rig.started_tree()
        sensor.put("Fault", harness.fault(1))
        sensor.sync("server")
        gateway.stop()
        sensor.remove("Fault", "device=d", "id=f1")
        cloud.stop()
        rig.start(cloud, gateway)
        sensor.sync("server")
        for node in (sensor, gateway, cloud):
            equal(node.find("Fault"), [], f"at {node.name}")
        settled([sensor, gateway, cloud], "Fault", 101)


if __name__ == "__main__":
    harness.main(globals())
