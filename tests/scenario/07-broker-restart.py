#!/usr/bin/env python3
"""The broker is killed, comes back, freezes; both versions of MQTT."""
import harness
from harness import Rig, equal, fault, has, reading, settled, true, wait_until


def case_a_killed_broker_comes_back_and_all_goes_on():
    with Rig() as rig:
        cloud, gateway, (sensor,) = rig.started_tree()
        plant = next(broker for broker in rig.brokers if broker.name == "gateway-broker")
        for round_ in range(3):
            sensor.put_many("Reading", [reading(n) for n in range(round_ * 100, round_ * 100 + 50)])
            plant.kill()
            sensor.put_many("Reading", [reading(n) for n in range(round_ * 100 + 50, round_ * 100 + 100)])
            plant.start()
        sensor.sync("server")
        settled([sensor, gateway, cloud], "Reading", 101)
        equal(len(cloud.find("Reading")), 300, "readings at the cloud")


def case_a_broker_that_is_away_is_told_with_what_to_do():
    with Rig() as rig:
        cloud, sensor = rig.pair()
        rig.brokers[0].kill()
        error = wait_until(lambda: sensor.parent_link()["last_error"], "an error of the link")
        has(error, str(rig.brokers[0].port))
        sensor.restart()
        error = wait_until(lambda: (sensor.parent_link() or {}).get("last_error"), "an error of a link never made")
        has(error, str(rig.brokers[0].port))
        rig.brokers[0].start()
        wait_until(sensor.up, "the link")
        true(sensor.status()["healthy"], "healthy after it came back")


def case_a_frozen_broker_loses_nothing():
    with Rig() as rig:
        cloud, sensor = rig.pair(sync={"sync_delay": "0ms"})
        rig.brokers[0].freeze()
        sensor.put_many("Reading", [reading(n) for n in range(500)])
        harness.time.sleep(2)
        rig.brokers[0].thaw()
        sensor.sync("server")
        settled([sensor, cloud], "Reading", 101)


def versions(up, down):
    with Rig() as rig:
        broker = rig.broker()
        cloud = rig.node("cloud", "server", 1, downlink={"port": broker.port, "prefix": "p", "protocol": down})
        sensor = rig.node("sensor", "device", 101, uplink={"port": broker.port, "prefix": "p", "protocol": up})
        rig.start(cloud, sensor)
        sensor.put_many("Reading", [reading(n) for n in range(500)])
        cloud.put("Config", {"name": "a", "value": "1"}, "--to", 101)
        sensor.sync("server")
        wait_until(lambda: sensor.find("Config"), "the config item")
        settled([sensor, cloud], "Reading", 101)
        cloud.kill()
        sensor.put("Fault", fault(1))
        cloud.start()
        sensor.sync("server")
        equal(len(cloud.find("Fault")), 1, "faults at the cloud")
        text = broker.log.read_text()
        if up == down:
            other = "p5" if up == "3.1.1" else "p2"
            true(f"({other}," not in text, "only that version was spoken")


def case_mqtt_3_1_1():
    versions("3.1.1", "3.1.1")


def case_mqtt_5():
    versions("5", "5")


def case_mqtt_3_1_1_below_and_5_above():
    versions("3.1.1", "5")


if __name__ == "__main__":
    harness.main(globals())
