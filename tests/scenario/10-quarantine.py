#!/usr/bin/env python3
"""An item that its destination's schema rejects: named with the reason at both ends, the others go on, a newer version
releases it."""
import harness
from harness import Rig, changed_schema, equal, fault, has, settled, wait_until

ALL = "['info', 'warn', 'error', 'critical', 'fatal']"


def tree_with_a_strict_cloud(rig):
    cloud, gateway, (sensor,) = rig.tree()
    cloud.config["schemas"] = [str(changed_schema(rig, "strict.json5", (ALL, "['info', 'warn']")))]
    rig.start(cloud, gateway, sensor)
    return cloud, gateway, sensor


def quarantined(node, count):
    wait_until(lambda: len(node.quarantine()) == count, f"{count} in the quarantine of {node.name}")
    return node.quarantine()


def case_rejected_at_the_server_is_named_at_both_ends_and_released():
    with Rig() as rig:
        cloud, gateway, sensor = tree_with_a_strict_cloud(rig)
        sensor.put("Fault", fault(1))
        sensor.put("Fault", fault(2, severity="fatal"))
        sensor.put_many("Fault", [fault(n) for n in range(3, 103)])
        sensor.sync("server")
        equal(len(cloud.find("Fault")), 101, "the others at the cloud")
        for node, ours in ((cloud, False), (gateway, True)):
            entry = quarantined(node, 1)[0]
            has(entry["reason"], "severity")
            equal((entry["model"], entry["owner"], entry["sk"], entry["ours"]), ("Fault", 101, "fault#f2", ours), node.name)
            equal(node.status()["quarantined"], 1, f"counted in the status of {node.name}")
        has(cloud.run("quarantine", "list"), "fault#f2", "severity")
        equal(len(gateway.find("Fault")), 102, "the gateway keeps it")
        for node in (cloud, gateway):  # it is still told after a restart
            node.restart(harness.signal.SIGKILL)
        rig.wait_linked(gateway, sensor)
        quarantined(cloud, 1)
        sensor.put("Fault", {"device": "d", "id": "f2", "severity": "warn"}, "--mode", "update")
        sensor.sync("server")
        equal(cloud.get("Fault", "device=d", "id=f2", "--owner", 101)["severity"], "warn", "the newer version")
        for node in (cloud, gateway):
            quarantined(node, 0)
        settled([sensor, gateway, cloud], "Fault", 101)


def case_a_delete_releases_it_too():
    with Rig() as rig:
        cloud, gateway, sensor = tree_with_a_strict_cloud(rig)
        sensor.put("Fault", fault(2, severity="fatal"))
        quarantined(cloud, 1)
        sensor.remove("Fault", "device=d", "id=f2")
        sensor.sync("server")
        for node in (cloud, gateway):
            quarantined(node, 0)


def case_a_schema_that_fits_releases_it():
    with Rig() as rig:
        cloud, gateway, sensor = tree_with_a_strict_cloud(rig)
        sensor.put("Fault", fault(2, severity="fatal"))
        quarantined(cloud, 1)
        cloud.config["schemas"] = [str(rig.schema)]
        cloud.write_config()
        cloud.reload()
        wait_until(lambda: cloud.find("Fault"), "the fault at the cloud")
        quarantined(cloud, 0)
        quarantined(gateway, 0)


def case_rejected_at_the_device_is_named_at_both_ends():
    with Rig() as rig:
        cloud, gateway, (sensor,) = rig.tree()
        sensor.config["schemas"] = [str(changed_schema(rig, "strict.json5", ("value: {type: String, required: true},",
                                                                             "value: {type: String, validate: /^[0-9]+$/},")))]
        rig.start(cloud, gateway, sensor)
        cloud.put("Config", {"name": "a", "value": "many"}, "--to", 101)
        cloud.put("Config", {"name": "b", "value": "7"}, "--to", 101)
        wait_until(lambda: sensor.find("Config"), "the good config item")
        has(quarantined(sensor, 1)[0]["reason"], "value")
        quarantined(gateway, 1)
        cloud.put("Config", {"name": "a", "value": "8"}, "--mode", "update", "--owner", 101)
        wait_until(lambda: len(sensor.find("Config")) == 2, "the newer version")
        quarantined(sensor, 0)


def case_a_model_the_server_does_not_know_is_named():
    with Rig() as rig:
        cloud, gateway, (sensor,) = rig.tree()
        own = harness.SOURCE / "schemas" / "examples" / "weather.json5"
        text = own.read_text().replace("Reading:", "Gauge:").replace("station#", "gauge#").replace("reading#", "gauge#")
        (rig.folder / "gauge.json5").write_text(text)
        sensor.config["schemas"].append(str(rig.folder / "gauge.json5"))
        rig.start(cloud, gateway, sensor)
        sensor.put("Gauge", {"station": "s", "time": harness.NOW})
        sensor.put("Fault", fault(1))
        wait_until(lambda: cloud.find("Fault"), "what follows is not held up")
        has(quarantined(cloud, 1)[0]["reason"], "Gauge")


if __name__ == "__main__":
    harness.main(globals())
