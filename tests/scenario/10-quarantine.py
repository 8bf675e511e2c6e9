#!/usr/bin/env python3
"""An item that its destination's schema rejects: named with the reason at both ends, the others go on, a newer version
releases it. A model that nobody above knows waits as a whole."""
import json

import harness
from harness import Rig, changed_schema, equal, fails, fault, has, settled, wait_until

NOT_ALL_THERE = 6  # exit code of sync
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
        done = fails(sensor.attempt("sync", "--wait", "--to", "server", "--json"), NOT_ALL_THERE, "1 item was refused", "server")
        waited = json.loads(done.out)
        equal([(one["sk"], one["by"], one["owner"]) for one in waited["quarantined"]], [("fault#f2", 1, 101)], "named by the wait")
        has(waited["quarantined"][0]["reason"], "severity")
        equal(len(cloud.find("Fault")), 101, "the others at the cloud")
        has(fails(sensor.attempt("sync", "--wait"), NOT_ALL_THERE).out, "fault#f2", "severity")
        sensor.sync("hop")
        for node, ours in ((cloud, False), (gateway, True), (sensor, True)):
            entry = quarantined(node, 1)[0]
            has(entry["reason"], "severity")
            equal((entry["model"], entry["owner"], entry["sk"], entry["ours"]), ("Fault", 101, "fault#f2", ours), node.name)
            equal(node.status()["quarantined"], 1, f"counted in the status of {node.name}")
            equal(entry["by"], 1, f"who refused it, as {node.name} knows")
        has(cloud.run("quarantine", "list"), "fault#f2", "severity")
        equal(len(gateway.find("Fault")), 102, "the gateway keeps it")
        for node in (cloud, gateway, sensor):  # it is still told after a restart
            node.restart(harness.signal.SIGKILL)
        rig.wait_linked(gateway, sensor)
        for node in (cloud, gateway, sensor):
            quarantined(node, 1)
        fails(sensor.attempt("sync", "--wait"), NOT_ALL_THERE, "1 item was refused")
        sensor.put("Fault", {"device": "d", "id": "f2", "severity": "warn"}, "--mode", "update")
        sensor.sync("server")
        equal(cloud.get("Fault", "device=d", "id=f2", "--owner", 101)["severity"], "warn", "the newer version")
        for node in (cloud, gateway, sensor):
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


def case_an_operator_drops_it_at_the_cloud_and_nothing_sends_it_again():
    with Rig() as rig:
        cloud, gateway, sensor = tree_with_a_strict_cloud(rig)
        sensor.put("Fault", fault(2, severity="fatal"))
        quarantined(sensor, 1)
        entry = quarantined(cloud, 1)[0]
        shown = json.loads(cloud.run("quarantine", "show", "fault#f2"))
        equal((shown["id"], shown["item"]["severity"]), (entry["id"], "fatal"), "the entry")
        fails(cloud.attempt("quarantine", "retry", entry["id"]), 1, "severity")
        fails(cloud.attempt("quarantine", "drop", "--all"), 2, "--yes")
        quarantined(cloud, 1)
        has(cloud.run("quarantine", "drop", entry["id"], "--yes"), "1 item dropped")
        for node in (cloud, gateway, sensor):
            quarantined(node, 0)
            node.restart(harness.signal.SIGKILL)
        rig.wait_linked(gateway, sensor)
        sensor.put("Fault", fault(3))
        waited = sensor.attempt("sync", "--wait", "--to", "server", "--timeout", "60s")
        fails(waited, 6, "1 item was dropped before delivery")  # all the rest is there
        equal(len(cloud.find("Fault")), 1, "only the other one at the cloud")
        equal(sensor.get("Fault", "device=d", "id=f2")["severity"], "fatal", "its writer keeps it")
        has(cloud.run("conflicts", "list"), "dropped by hand", "severity")


def case_an_operator_drops_it_at_the_sensor_and_it_is_gone_everywhere():
    with Rig() as rig:
        cloud, gateway, sensor = tree_with_a_strict_cloud(rig)
        sensor.put("Fault", fault(2, severity="fatal"))
        quarantined(sensor, 1)
        fails(gateway.attempt("quarantine", "drop", "fault#f2", "--yes"), 1, "only agent 101 writes")
        has(sensor.run("quarantine", "retry", "--all"), "1 item retried")
        has(sensor.run("quarantine", "drop", "fault#f2", "--yes"), "1 item dropped")
        for node in (cloud, gateway, sensor):
            quarantined(node, 0)
            equal(node.find("Fault"), [], node.name)
        has(sensor.run("conflicts", "list"), "dropped by hand")


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
        equal(quarantined(cloud, 1)[0]["by"], 101, "who refused it")
        cloud.put("Config", {"name": "a", "value": "8"}, "--mode", "update", "--owner", 101)
        wait_until(lambda: len(sensor.find("Config")) == 2, "the newer version")
        for node in (cloud, gateway, sensor):
            quarantined(node, 0)


def case_a_transaction_of_which_one_is_rejected_is_named_as_a_whole():
    with Rig() as rig:
        cloud, gateway, sensor = tree_with_a_strict_cloud(rig)
        writes = [{"model": "Fault", "mode": "upsert", "properties": fault(n, severity=severity)}
                  for n, severity in ((1, "info"), (2, "fatal"), (3, "warn"))]
        sensor.run("tx", "-", stdin=json.dumps(writes))
        done = fails(sensor.attempt("sync", "--wait", "--json"), NOT_ALL_THERE, "3 items were refused")
        equal(sorted(one["sk"] for one in json.loads(done.out)["quarantined"]), ["fault#f1", "fault#f2", "fault#f3"], "named")
        equal(cloud.find("Fault"), [], "nothing of it at the cloud")


def case_a_model_the_server_does_not_know_waits_and_is_named():
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
        has(fails(sensor.attempt("sync", "--wait"), NOT_ALL_THERE).err, "model Gauge waits", "schema")
        has(sensor.run("status"), "Gauge: held there (schema)")
        has(gateway.run("status"), "Gauge: held here (schema)")
        for node in (cloud, gateway, sensor):
            quarantined(node, 0)
            node.config["schemas"] = sensor.config["schemas"]
            node.write_config()
            node.reload()
        wait_until(lambda: sensor.attempt("sync", "--wait").code == 0, "all of it at the cloud")
        equal(len(cloud.find("Gauge", "--owner", 101)), 1, "it comes with the schema")


if __name__ == "__main__":
    harness.main(globals())
