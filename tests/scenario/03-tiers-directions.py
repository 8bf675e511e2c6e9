#!/usr/bin/env python3
"""Three tiers: what goes up, down, both ways, nowhere; who may write what."""
import harness
from harness import Rig, equal, fails, fault, reading, settled, wait_until


def case_up_items_reach_the_gateway_and_the_cloud():
    with Rig() as rig:
        cloud, gateway, (one, two) = rig.started_tree(2)
        one.put_many("Reading", [reading(n) for n in range(300)])
        two.put("Fault", fault(1))
        gateway.put("Reading", reading(7, station="gateway"))
        for node in (one, two, gateway):
            node.sync("server")
        settled([one, gateway, cloud], "Reading", 101)
        settled([two, gateway, cloud], "Fault", 102)
        settled([gateway, cloud], "Reading", 10)
        equal(cloud.get("Reading", "station=s", "id=r000007", "--owner", 101)["temperature"], 7, "a reading at the cloud")
        equal((len(one.find("Fault")), len(two.find("Reading"))), (0, 0), "what a sensor has of the other")


def case_down_items_go_to_their_addressee_or_to_all():
    with Rig() as rig:
        cloud, gateway, (one, two) = rig.started_tree(2)
        cloud.put("Config", {"name": "for-one", "value": "1"}, "--to", 101)
        cloud.put("Config", {"name": "for-gateway", "value": "2"}, "--to", 10)
        cloud.put("Config", {"name": "for-all", "value": "3"})
        wait_until(lambda: len(one.find("Config")) == 2 and two.find("Config") and len(gateway.find("Config")) == 3, "config")
        names = {node.name: sorted((item["name"], item["_owner"]) for item in node.find("Config"))
                 for node in (one, two, gateway)}
        equal(names["sensor1"], [("for-all", 0), ("for-one", 101)], "at the addressee")
        equal(names["sensor2"], [("for-all", 0)], "at the other sensor")
        cloud.put("Config", {"name": "for-all", "value": "4"}, "--mode", "update")
        for node in (one, two):
            wait_until(lambda: node.get("Config", "name=for-all")["value"] == "4", "the new value")
        settled([one, gateway, cloud], "Config", 101)
        settled([one, two, gateway, cloud], "Config", 0)
        cloud.sync("hop")


def case_both_is_edited_at_both_ends():
    with Rig() as rig:
        cloud, gateway, (sensor,) = rig.started_tree()
        sensor.put("Status", {"state": "ok", "version": "1"})
        wait_until(lambda: cloud.find("Status"), "the status at the cloud")
        cloud.put("Status", {"state": "maintenance"}, "--mode", "update", "--owner", 101)
        wait_until(lambda: sensor.get("Status")["state"] == "maintenance", "the cloud's edit at the sensor")
        sensor.put("Status", {"version": "2"}, "--mode", "update")
        wait_until(lambda: cloud.get("Status", "--owner", 101)["version"] == "2", "the sensor's edit at the cloud")
        item = cloud.get("Status", "--owner", 101)
        equal((item["state"], item["version"], item["_src"], item["_owner"]), ("maintenance", "2", 101, 101), "the item")
        settled([sensor, gateway, cloud], "Status", 101)


def case_both_edited_at_once_ends_in_one_state():
    with Rig() as rig:
        link = rig.relay()
        cloud, gateway, (sensor,) = rig.started_tree(cloud_link=link)
        sensor.put("Status", {"state": "first"})
        wait_until(lambda: cloud.find("Status"), "the status at the cloud")
        link.cut()
        sensor.put("Status", {"state": "by sensor"})
        cloud.put("Status", {"state": "by cloud"}, "--mode", "update", "--owner", 101)
        link.mend()
        settled([sensor, gateway, cloud], "Status", 101)
        equal({node.get("Status", "--owner", 101)["state"] for node in (sensor, gateway, cloud)}, {"by cloud"},
              "the newer edit everywhere")
        sensor.put("Status", {"state": "later"})
        wait_until(lambda: cloud.get("Status", "--owner", 101)["state"] == "later", "a later edit wins over both")


def case_none_and_enable_stay_where_they_are():
    with Rig() as rig:
        cloud, gateway, (sensor,) = rig.started_tree()
        sensor.put("Note", {"text": "here"})
        sensor.put("DeviceOnly", {"text": "here"})
        cloud.put("CloudOnly", {"text": "there"})
        fails(sensor.attempt("put", "CloudOnly", "text=x"), 1, "enable: cloud")
        fails(gateway.attempt("put", "CloudOnly", "text=x"), 1, "enable: cloud")
        fails(cloud.attempt("put", "DeviceOnly", "text=x"), 1, "enable: device")
        sensor.put("Fault", fault(1))  # what comes after has been there: the rest would have been too
        sensor.sync("server")
        cloud.put("Config", {"name": "a", "value": "1"})
        wait_until(lambda: sensor.find("Config"), "the config item")
        for node, model in ((gateway, "Note"), (cloud, "Note"), (gateway, "DeviceOnly"), (cloud, "DeviceOnly"),
                            (gateway, "CloudOnly"), (sensor, "CloudOnly")):
            equal(node.find(model), [], f"{model} at {node.name}")


def case_only_the_server_writes_down_items():
    with Rig() as rig:
        cloud, gateway, (sensor,) = rig.started_tree()
        cloud.put("Config", {"name": "a", "value": "1"})
        wait_until(lambda: sensor.find("Config"), "the config item")
        for node in (sensor, gateway):
            fails(node.attempt("put", "Config", "name=a", "value=2"), 1, "only the server")
            fails(node.attempt("put", "Config", "name=a", "value=2", "--mode", "update"), 1, "only the server")
            fails(node.attempt("remove", "Config", "name=a"), 1, "only the server")
        fails(sensor.attempt("put", "Status", "state=x", "--to", 102), 1, "only the server")
        sensor.put("Fault", fault(1))
        sensor.sync("server")
        # What came up is its writer's alone.
        fails(cloud.attempt("put", "Fault", "device=d", "id=f1", "severity=warn", "--mode", "update", "--owner", 101), 1)


def case_direction_is_enforced_where_it_arrives():
    """A sensor with a forged schema believes that Config goes up and that Reading comes down."""
    with Rig() as rig:
        cloud, gateway, (sensor,) = rig.tree()
        forged = harness.changed_schema(rig, "forged.json5", ("Config: {sync: 'down'}", "Config: {sync: 'up'}"))
        sensor.config["schemas"] = [str(forged)]
        rig.start(cloud, gateway, sensor)
        sensor.put("Config", {"name": "a", "value": "forged"})
        sensor.put("Fault", fault(1))
        wait_until(lambda: cloud.find("Fault"), "what may go up goes up behind it")
        equal(cloud.find("Config"), [], "the forged item at the cloud")
        equal(gateway.find("Config"), [], "the forged item at the gateway")
        for node, neighbour in ((gateway, 101), (sensor, 10)):
            holds = [link["holds"] for link in node.status()["links"] if link["agent"] == neighbour][0]
            told = [(hold["model"], hold["reason"]) for hold in holds if hold["ours"] == (node is gateway)]
            equal(told, [("Config", "direction")], f"what is held, as {node.name} knows")


if __name__ == "__main__":
    harness.main(globals())
