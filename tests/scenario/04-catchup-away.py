#!/usr/bin/env python3
"""Somebody is away: the others go on, nothing is lost, each side catches up by itself."""
import harness
from harness import Rig, equal, fails, fault, has, reading, settled, true, wait_until


def pending(node):
    return node.parent_link()["pending_changes"]


def case_cloud_away_the_gateway_acknowledges_the_hop_and_delivers_later():
    with Rig() as rig:
        cloud, gateway, (one, two) = rig.started_tree(2)
        cloud.stop()
        one.put_many("Reading", [reading(n) for n in range(1000)])
        two.put("Fault", fault(1))
        one.sync("hop")
        two.sync("hop")
        fails(one.attempt("sync", "--wait", "--to", "server", "--timeout", "1s"), 5, "nothing is lost")
        equal(pending(one), 0, "pending at the sensor: the gateway has it")
        equal(pending(gateway), 1001, "pending at the gateway")
        lane = max(one.parent_link()["lanes"], key=lambda lane: lane["acked"])
        true(lane["acked"] > lane["delivered"], f"acknowledged goes before delivered: {lane}")
        cloud.start()
        one.sync("server")
        two.sync("server")
        settled([one, gateway, cloud], "Reading", 101)
        settled([two, gateway, cloud], "Fault", 102)
        equal(len(cloud.find("Reading")), 1000, "readings at the cloud")
        wait_until(lambda: pending(gateway) == 0, "nothing pending at the gateway")


def case_gateway_away_the_sensor_works_on_its_own():
    with Rig() as rig:
        cloud, gateway, (sensor,) = rig.started_tree()
        sensor.put("Fault", fault(1))
        sensor.sync("server")
        gateway.kill()
        sensor.put("Fault", fault(2))
        sensor.put("Fault", {"device": "d", "id": "f1", "review": "reviewed"}, "--mode", "update")
        cloud.put("Config", {"name": "a", "value": "1"}, "--to", 101)
        fails(sensor.attempt("sync", "--wait", "--to", "hop", "--timeout", "1s"), 5)
        wait_until(lambda: not sensor.up(), "the sensor sees that the gateway is away")
        equal(pending(sensor), 2, "pending at the sensor")
        gateway.start()
        sensor.sync("server")
        wait_until(lambda: sensor.find("Config"), "the config item")
        settled([sensor, gateway, cloud], "Fault", 101)
        equal(cloud.get("Fault", "device=d", "id=f1", "--owner", 101)["review"], "reviewed", "the update at the cloud")


def case_everything_is_restarted_while_apart():
    """The cloud is away, then gateway and sensor are killed one after the other; scenario a of the design."""
    with Rig() as rig:
        cloud, gateway, (sensor,) = rig.started_tree()
        sensor.put_many("Reading", [reading(n) for n in range(200)])
        sensor.sync("server")
        cloud.kill()
        sensor.put_many("Reading", [reading(n) for n in range(200, 400)])
        sensor.sync("hop")
        sensor.kill()
        gateway.kill()
        gateway.start()
        sensor.start()
        sensor.put_many("Reading", [reading(n) for n in range(400, 600)])
        gateway.restart(harness.signal.SIGKILL)
        cloud.start()
        sensor.sync("server")
        settled([sensor, gateway, cloud], "Reading", 101)
        equal(sorted(int(item["temperature"]) for item in cloud.find("Reading")), list(range(600)), "readings at the cloud")


def case_deletes_and_updates_made_offline_arrive():
    with Rig() as rig:
        cloud, gateway, (sensor,) = rig.started_tree()
        for number in range(4):
            sensor.put("Fault", fault(number))
        for name in "abc":
            cloud.put("Config", {"name": name, "value": "1"}, "--to", 101)
        sensor.sync("server")
        wait_until(lambda: len(sensor.find("Config")) == 3, "the config items")
        sensor.stop()
        gateway.stop()
        cloud.remove("Config", "name=a", "--owner", 101)
        cloud.put("Config", {"name": "b", "value": "2"}, "--mode", "update", "--owner", 101)
        sensor.config["transports"][0]["config"]["host"] = "127.0.0.2"  # where nobody is: offline
        sensor.start()
        sensor.remove("Fault", "device=d", "id=f0")
        sensor.put("Fault", {"device": "d", "id": "f1", "review": "reviewed"}, "--mode", "update")
        sensor.put("Fault", fault(9))
        sensor.stop()
        sensor.config["transports"][0]["config"]["host"] = "127.0.0.1"
        rig.start(gateway, sensor)
        sensor.sync("server")
        settled([sensor, gateway, cloud], "Fault", 101)
        settled([sensor, gateway, cloud], "Config", 101)
        equal([(item["id"], item["review"]) for item in cloud.find("Fault")],
              [("f1", "reviewed"), ("f2", "automatic"), ("f3", "automatic"), ("f9", "automatic")], "at the cloud")
        equal([(item["name"], item["value"]) for item in sensor.find("Config")], [("b", "2"), ("c", "1")], "at the sensor")


def case_first_contact_with_a_backlog_doubles_nothing():
    with Rig() as rig:
        cloud, gateway, (sensor,) = rig.tree()
        sensor.start()
        sensor.put_many("Reading", [reading(n) for n in range(3000)])
        seen = cloud.start().watch("Reading", "--count", 3000)
        rig.start(gateway)
        sensor.sync("server")
        out, _ = seen.communicate(timeout=60)
        equal(len({harness.json.loads(line)["key"]["sk"] for line in out.splitlines()}), 3000, "each came once")
        settled([sensor, gateway, cloud], "Reading", 101)


def case_status_tells_what_waits():
    with Rig() as rig:
        cloud, gateway, (sensor,) = rig.started_tree()
        sensor.put("Fault", fault(1))
        sensor.sync("server")
        link = sensor.parent_link()
        equal((link["state"], link["agent"], link["role"], link["pending_changes"]), ("up", 10, "router", 0), "the link")
        true(0 <= link["last_progress_age_ms"] < 20000, f"last progress: {link['last_progress_age_ms']}")
        gateway.stop()
        sensor.put_many("Reading", [reading(n) for n in range(10)])
        harness.time.sleep(0.3)
        link = sensor.parent_link()
        equal(link["pending_changes"], 10, "pending changes")
        true(link["pending_bytes"] > 500, f"pending bytes: {link['pending_bytes']}")
        true(link["oldest_pending_age_ms"] >= 250, f"oldest pending: {link['oldest_pending_age_ms']}")
        wait_until(lambda: sensor.parent_link()["last_error"], "an error of the link")
        true(not sensor.status()["healthy"] and sensor.status()["problems"], "not healthy, with the problem told")
        gateway.start()
        wait_until(sensor.up, "the link")
        link, now_ms = sensor.parent_link(), harness.time.time() * 1000
        true(link["last_error"] and now_ms - 60000 < link["last_error_unix_ms"] <= now_ms, f"an error of the past: {link}")
        has(sensor.run("status"), " ago, over: ")


if __name__ == "__main__":
    harness.main(globals())
