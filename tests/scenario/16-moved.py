#!/usr/bin/env python3
"""Devices that move to another gateway while the old one holds their items, or is cut off. Letter d of the design."""
import harness
from harness import Rig, equal, fault, reading, settled, true, wait_until


def two_gateways(rig, west_link=None):
    """west_link: a relay between the west gateway and the cloud's broker."""
    top, left, right = rig.broker("top"), rig.broker("left"), rig.broker("right")
    if west_link:
        west_link.target_port = top.port
    cloud = rig.node("cloud", "server", 1, downlink={"port": top.port, "prefix": "t"})
    west = rig.node("west", "router", 10, uplink={"port": (west_link or top).port, "prefix": "t"},
                    downlink={"port": left.port, "prefix": "west"})
    east = rig.node("east", "router", 11, uplink={"port": top.port, "prefix": "t"},
                    downlink={"port": right.port, "prefix": "east"})
    sensor = rig.node("sensor", "device", 101, uplink={"port": left.port, "prefix": "west"})
    rig.start(cloud, west, east, sensor)
    return cloud, west, east, sensor, right


def move(rig, sensor, broker, prefix):
    sensor.stop()
    sensor.config["transports"][0]["config"].update({"port": broker.port, "prefix": prefix})
    rig.start(sensor)


def case_d_device_moves_while_its_old_gateway_is_cut_off():
    """What the old gateway holds lands when it is back; nothing comes twice; it lets go."""
    with Rig() as rig:
        link = rig.relay()
        cloud, west, east, sensor, right = two_gateways(rig, link)
        cloud.put("Config", {"name": "a", "value": "1"}, "--to", 101)
        wait_until(lambda: sensor.find("Config"), "the config item")
        link.cut()
        wait_until(lambda: not west.up(), "the west gateway is cut off")
        sensor.put_many("Reading", [reading(n) for n in range(100)])
        sensor.put("Status", {"state": "at west"})
        sensor.sync("hop")
        move(rig, sensor, right, "east")
        sensor.put_many("Reading", [reading(n) for n in range(100, 150)])
        sensor.put("Status", {"state": "at east"})
        cloud.put("Config", {"name": "b", "value": "2"}, "--to", 101)
        wait_until(lambda: len(sensor.find("Config")) == 2, "down items follow")
        sensor.sync("server")
        equal(cloud.find("Status", "--owner", 101)[0]["state"], "at east", "the newest state at the cloud")
        link.mend()
        wait_until(west.up, "the west gateway is back")
        wait_until(lambda: len(cloud.find("Reading")) == 150, "all readings at the cloud")
        wait_until(lambda: west.child_link(101) is None, "the old gateway lets go")
        wait_until(lambda: not west.find("Config", "--owner", 101), "and drops what goes down")
        equal(cloud.find("Status", "--owner", 101)[0]["state"], "at east", "a late state does no harm")
        equal([item["state"] for item in sensor.find("Status")], ["at east"], "nor at the sensor")
        settled([sensor, east, cloud], "Config", 101)
        settled([sensor, cloud], "Reading", 101)
        for node in (cloud, west, east, sensor):
            equal(node.quarantine(), [], f"quarantine of {node.name}")
        # And back again.
        move(rig, sensor, rig.brokers[1], "west")
        sensor.put("Fault", fault(1))
        sensor.sync("server")
        settled([sensor, west, cloud], "Config", 101)
        settled([sensor, west, cloud], "Fault", 101)
        true(east.child_link(101) is None or wait_until(lambda: east.child_link(101) is None, "east lets go"), "")


if __name__ == "__main__":
    harness.main(globals())
