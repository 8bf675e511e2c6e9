#!/usr/bin/env python3
"""A model goes another way while the daemons run: the schema files are edited, each node is told by SIGHUP."""
import harness
from harness import Rig, equal, settled, true, wait_until


class Tiers:
    """Cloud, gateway and sensor, each with a schema file of its own."""

    def __init__(self, rig):
        cloud, gateway, (sensor,) = rig.tree()
        self.nodes = {"cloud": cloud, "gateway": gateway, "sensor1": sensor}
        self.cloud, self.gateway, self.sensor = cloud, gateway, sensor
        self.files = {}
        for name, node in self.nodes.items():
            path = rig.folder / f"{name}.json5"
            path.write_text(rig.schema.read_text())
            node.config["schemas"] = [str(path)]
            self.files[name] = path
        rig.start(cloud, gateway, sensor)
        self.rig = rig

    def change(self, model, old, new, *names):
        for name in names:
            text = self.files[name].read_text()
            line = f"{model}: {{sync: '{old}'}}"
            true(line in text, f"{line} is not in {self.files[name]}")
            self.files[name].write_text(text.replace(line, f"{model}: {{sync: '{new}'}}"))
            node = self.nodes[name]
            node.log.write_text("")
            node.reload()
            wait_until(lambda: "read anew" in node.log.read_text(), f"the new schema at {name}")

    def nothing_waits(self):
        for node in self.nodes.values():
            wait_until(lambda: node.status()["healthy"], f"{node.name} is well: {node.status()['problems']}")
            equal(node.quarantine(), [], f"the quarantine of {node.name}")


def notes(node, *args):
    return {item["text"] for item in node.find("Note", *args)}


def case_h_none_to_up_is_backfilled_and_up_to_none_deletes_nothing():
    with Rig() as rig:
        tiers = Tiers(rig)
        tiers.sensor.put_many("Note", [{"id": f"n{n:03d}", "text": f"old {n}"} for n in range(200)])
        tiers.change("Note", "none", "up", "sensor1", "gateway")
        tiers.sensor.put("Note", {"id": "live", "text": "live"})
        wait_until(lambda: len(notes(tiers.gateway)) == 201, "the notes at the gateway")
        wait_until(lambda: tiers.gateway.parent_link()["holds"], "the cloud holds them")
        equal(len(notes(tiers.cloud)), 0, "notes at the cloud, whose schema says none")
        tiers.change("Note", "none", "up", "cloud")
        tiers.sensor.sync("server")
        settled(list(tiers.nodes.values()), "Note", 101)
        equal(len(notes(tiers.cloud)), 201, "notes at the cloud")
        tiers.nothing_waits()
        tiers.change("Note", "up", "none", "cloud", "gateway", "sensor1")
        tiers.sensor.put("Note", {"id": "later", "text": "later"})
        for node in tiers.nodes.values():
            node.restart()
        rig.wait_linked(*tiers.nodes.values())
        equal(len(notes(tiers.sensor)), 202, "notes at the sensor")
        for node in (tiers.gateway, tiers.cloud):
            equal(node.digests()[("Note", 101)][0], 201, f"notes at {node.name}, which keeps what it has")
        tiers.nothing_waits()


def case_p_narrowed_evicts_and_widened_again_brings_it_back():
    with Rig() as rig:
        tiers = Tiers(rig)
        tiers.cloud.put("Config", {"name": "all", "value": "1"})
        wait_until(lambda: tiers.sensor.find("Config"), "the configuration at the sensor")
        tiers.change("Config", "down", "none", "sensor1", "gateway", "cloud")
        for node in (tiers.sensor, tiers.gateway):
            wait_until(lambda: not node.digests().get(("Config", 0)), f"nothing of it is left at {node.name}")
        equal(len(tiers.cloud.find("Config", "--owner", 0)), 1, "configurations at the cloud")
        tiers.change("Config", "none", "down", "sensor1", "cloud", "gateway")
        settled(list(tiers.nodes.values()), "Config", 0)
        equal(tiers.sensor.get("Config", "name=all")["value"], "1", "the value")
        tiers.nothing_waits()


def case_both_to_up_resurrects_nothing():
    with Rig() as rig:
        tiers = Tiers(rig)
        tiers.sensor.put("Status", {"state": "ok", "version": "1"})
        settled(list(tiers.nodes.values()), "Status", 101)
        tiers.sensor.stop()
        tiers.cloud.remove("Status", "--owner", 101)
        wait_until(lambda: not tiers.gateway.find("Status", "--owner", 101), "the delete at the gateway")
        tiers.change("Status", "both", "up", "gateway", "cloud")
        text = tiers.files["sensor1"].read_text().replace("Status: {sync: 'both'}", "Status: {sync: 'up'}")
        tiers.files["sensor1"].write_text(text)
        tiers.sensor.start()
        rig.wait_linked(tiers.sensor)
        tiers.sensor.put("Note", {"id": "a", "text": "a"})
        tiers.sensor.sync("server")
        for node in (tiers.gateway, tiers.cloud):
            equal(node.find("Status", "--owner", 101), [], f"what was deleted, at {node.name}")
        equal(tiers.sensor.get("Status")["state"], "ok", "what the policy left alone at its owner")
        tiers.sensor.put("Status", {"state": "new", "version": "2"})
        tiers.sensor.sync("server")
        equal(tiers.cloud.get("Status", "--owner", 101)["state"], "new", "what its owner wrote since")


if __name__ == "__main__":
    harness.main(globals())
