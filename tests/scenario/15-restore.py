#!/usr/bin/env python3
"""Replicas that are not what they were: restored from a backup, copied, wiped. Letters c, e, m and n of the design."""
import json
import shutil
import threading

import harness
from harness import Rig, equal, fails, fault, has, reading, settled, true, wait_until


def restore(rig, node, file, *parts):
    """Puts the backup in the place of the stopped node's replica."""
    done = rig.command("restore", file, "--config", node.write_config())
    equal(done.code, 0, f"exit code of restore: {done.err}")
    has(done.out, "restored from", ".before-", *parts)
    return done


def problems(node):
    return "; ".join(node.status()["problems"])


def metric(node, name):
    import http.client
    import socket

    class Unix(http.client.HTTPConnection):
        def connect(self):
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.connect(str(node.socket))

    connection = Unix("tidegate")
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name))


def copy_replica(source, target):
    for path in source.folder.glob("replica.db*"):
        if not path.name.endswith(".lock"):
            shutil.copy(path, target.folder / path.name)


def case_e_cloud_restored_from_a_backup_made_under_load():
    """Everything that any node still has comes back; nothing is removed below."""
    with Rig() as rig:
        cloud, gateway, (one, two) = rig.started_tree(2)
        one.put("Status", {"state": "ok"})
        cloud.put("Config", {"name": "a", "value": "1"}, "--to", 101)
        one.sync("server")
        wait_until(lambda: one.find("Config"), "the config item")
        ended = threading.Event()

        def load():
            number = 0
            while not ended.is_set():
                one.put_many("Reading", [reading(n) for n in range(number, number + 50)])
                number += 50
            loaded.append(number)

        loaded = []
        thread = threading.Thread(target=load)
        thread.start()
        backup = rig.folder / "cloud-backup.db"
        wait_until(lambda: len(cloud.find("Reading")) > 200, "readings at the cloud")
        cloud.run("backup", backup)
        at_backup = len(cloud.find("Reading"))
        wait_until(lambda: len(cloud.find("Reading")) > at_backup + 200, "more readings at the cloud")
        two.put("Fault", fault(7))
        two.sync("server")
        cloud.kill()
        restore(rig, cloud, backup)
        cloud.start()
        ended.set()
        thread.join()
        wait_until(gateway.up, "the link to the restored cloud")
        one.sync("server")
        two.sync("server")
        equal(len(cloud.find("Reading")), loaded[0], "readings at the cloud")
        equal([item["id"] for item in cloud.find("Fault")], ["f7"], "what only came after the backup")
        settled([one, gateway, cloud], "Reading", 101)
        settled([two, gateway, cloud], "Fault", 102)
        settled([one, gateway, cloud], "Status", 101)
        true(one.find("Config"), "the config item stays")
        true(cloud.status()["restored_unix_ms"] > 0, "the status says that it was restored")
        has(cloud.run("status"), "restored", "tidegate losses list", "not healthy")


def case_e_what_only_sensors_have_is_listed_and_removed_when_confirmed():
    with Rig() as rig:
        cloud, gateway, (sensor,) = rig.started_tree()
        fails(rig.command("losses", "confirm", "--api", cloud.socket), 4, "nothing to confirm")
        cloud.put("Config", {"name": "old", "value": "1"}, "--to", 101)
        wait_until(lambda: len(sensor.find("Config")) == 1, "the config item of before")
        backup = rig.folder / "cloud-backup.db"
        cloud.run("backup", backup)
        cloud.put("Config", {"name": "new", "value": "1"}, "--to", 101)
        sensor.put("Fault", fault(1))
        sensor.sync("server")
        wait_until(lambda: len(sensor.find("Config")) == 2, "the config item after the backup")
        cloud.stop()
        restore(rig, cloud, backup)
        rig.start(cloud)
        sensor.sync("server")
        equal(len(cloud.find("Fault")), 1, "the fault came back by itself")

        def listed():
            lines = cloud.run("losses", "list", "--json").splitlines()
            return [entry for entry in map(json.loads, lines) if entry["kind"] == "item"]

        wait_until(listed, "the item that only the sensor has is listed")
        equal(len(listed()), 1, "items listed")
        has(listed()[0]["sk"], "new")
        equal((listed()[0]["owner"], listed()[0]["model"]), (101, "Config"), "its owner and model")
        has(problems(cloud), "tidegate losses confirm")
        true(not cloud.status()["healthy"], "not healthy as long as it is not confirmed")
        wait_until(lambda: metric(cloud, "tidegate_losses_unconfirmed") == 1, "the metric")
        has(cloud.run("losses", "list"), "only below", "new", "lost, but for what came back")
        gateway.restart()
        rig.wait_linked(gateway, sensor)
        equal(len(sensor.find("Config")), 2, "config items before it is confirmed")
        fails(rig.command("losses", "confirm", "--api", gateway.socket), 1, "agent 1")
        has(cloud.run("losses", "confirm"), "confirmed")
        wait_until(lambda: len(sensor.find("Config")) == 1, "it is removed when confirmed")
        equal(sensor.find("Config")[0]["name"], "old", "what the backup has stays")
        equal(cloud.run("losses", "list"), "", "nothing is listed any more")
        equal(problems(cloud), "", "the problems when it is confirmed")
        wait_until(lambda: metric(cloud, "tidegate_losses_unconfirmed") == 0, "the metric")
        equal(cloud.status()["restored_unix_ms"], 0, "the status says nothing of it any more")
        settled([sensor, gateway], "Config", 101)  # with the trace of the removal, which does not go up
        settled([sensor, gateway, cloud], "Fault", 101)


def case_e_what_was_edited_or_deleted_since_is_the_clouds_again_when_confirmed():
    """Behind a gateway. Nothing says that all is well while the two differ."""
    with Rig() as rig:
        cloud, gateway, (sensor,) = rig.started_tree()

        def configs(node):
            return sorted((item["name"], item["value"]) for item in node.find("Config"))

        for name in ("edited", "deleted", "same"):
            cloud.put("Config", {"name": name, "value": "old"}, "--to", 101)
        wait_until(lambda: len(configs(sensor)) == 3, "the config items of before")
        backup = rig.folder / "cloud-backup.db"
        cloud.run("backup", backup)
        cloud.put("Config", {"name": "edited", "value": "new"}, "--to", 101)
        cloud.put("Config", {"name": "created", "value": "new"}, "--to", 101)
        cloud.run("remove", "Config", "name=deleted", "--owner", 101)
        lost = [("created", "new"), ("edited", "new"), ("same", "old")]
        wait_until(lambda: configs(sensor) == lost, "what was done after the backup")
        cloud.stop()
        restore(rig, cloud, backup)
        rig.start(cloud)
        rig.wait_linked(gateway, sensor)

        def listed():
            lines = map(json.loads, cloud.run("losses", "list", "--json").splitlines())
            return sorted((entry["sk"].split("#")[-1], entry["below"]) for entry in lines if entry["kind"] == "item")

        wanted = [("created", "only"), ("deleted", "deleted"), ("edited", "newer")]
        wait_until(lambda: listed() == wanted, "what the sensor has otherwise is listed")
        has(cloud.run("losses", "list"), "only below", "newer below", "deleted below")
        equal(configs(sensor), lost, "config items before it is confirmed")
        true(not cloud.status()["healthy"], "not healthy as long as it is not confirmed")
        has(cloud.run("losses", "confirm"), "confirmed")
        cloud.sync("hop")
        truth = [("deleted", "old"), ("edited", "old"), ("same", "old")]
        equal(configs(gateway), truth, "at the gateway when the cloud says that it has it")
        wait_until(lambda: configs(sensor) == truth, "the sensor has what the cloud has")
        equal(configs(cloud), truth, "and that is what the backup has")
        has(gateway.run("conflicts", "list"), "edited")
        for node in (cloud, gateway, sensor):
            wait_until(lambda: problems(node) == "", f"no problem at {node.name}")
        for node in (gateway, sensor):
            has(node.run("verify", "parent"), "equal")


def case_e_cloud_and_gateway_restored_what_only_a_sensor_has_is_listed_first():
    """Also what a sensor has that was away when the rest was confirmed: it is not removed before somebody could see it."""
    with Rig() as rig:
        cloud, gateway, (sensor, away) = rig.started_tree(2)
        rig.wait_linked(gateway, sensor, away)
        backups = {node: rig.folder / f"{node.name}-backup.db" for node in (cloud, gateway)}
        for node, file in backups.items():
            node.run("backup", file)
        for owner, node in ((101, sensor), (102, away)):
            cloud.put("Config", {"name": "new", "value": "1"}, "--to", owner)
            wait_until(lambda: node.find("Config"), f"the config item of {owner}")
        away.stop()
        for node, file in backups.items():
            node.stop()
            restore(rig, node, file)
        rig.start(cloud, gateway)
        rig.wait_linked(gateway, sensor)

        def listed():
            lines = map(json.loads, cloud.run("losses", "list", "--json").splitlines())
            return [(entry["owner"], entry["below"]) for entry in lines if entry["kind"] == "item"]

        wait_until(lambda: listed() == [(101, "only")], "what only the connected sensor has is listed")
        equal(len(sensor.find("Config")), 1, "it is still there")
        cloud.run("losses", "confirm")
        wait_until(lambda: sensor.find("Config") == [], "it is removed when confirmed")
        rig.start(away)
        wait_until(lambda: listed() == [(102, "only")], "what the one that was away has is listed when it comes")
        equal(len(away.find("Config")), 1, "and is not removed")
        has(problems(cloud), "tidegate losses confirm")
        cloud.run("losses", "confirm")
        wait_until(lambda: away.find("Config") == [], "it is removed when that is confirmed, too")
        equal(problems(cloud), "", "no problem any more")


def case_m_sensor_restored_goes_on_with_its_offline_writes():
    """Deletes made after the backup stay; what was written before it was found out is kept."""
    with Rig() as rig:
        cloud, gateway, (sensor,) = rig.started_tree()
        sensor.put("Status", {"state": "first"})
        sensor.put_many("Reading", [reading(n) for n in range(20)])
        sensor.sync("server")
        backup = rig.folder / "sensor-backup.db"
        sensor.run("backup", backup)
        sensor.put_many("Reading", [reading(n) for n in range(20, 60)])
        sensor.put("Status", {"state": "second"})
        sensor.sync("server")
        sensor.kill()
        restore(rig, sensor, backup)
        sensor.config["transports"][0]["config"]["port"] += 1  # nobody is there: it works offline
        sensor.start()
        equal(len(sensor.find("Reading")), 20, "readings of the backup")
        sensor.put_many("Reading", [reading(n) for n in range(100, 160)])
        has(problems(sensor), "restored")
        sensor.stop()
        sensor.config["transports"][0]["config"]["port"] -= 1
        rig.start(sensor)
        sensor.sync("server")
        equal(len(cloud.find("Reading")), 120, "readings at the cloud: of before, of the lost life, offline")
        sensor.put("Status", {"state": "third"})
        sensor.sync("server")
        equal(cloud.find("Status", "--owner", 101)[0]["state"], "third", "a write after the restore wins")
        wait_until(lambda: "restored" not in problems(sensor), "no problem any more")


def case_a_backup_that_does_not_fit_changes_nothing():
    with Rig() as rig:
        cloud, gateway, (sensor,) = rig.started_tree()
        sensor.put("Fault", fault(1))
        sensor.sync("server")
        other = rig.folder / "gateway-backup.db"
        gateway.run("backup", other)
        config = sensor.write_config()
        fails(rig.command("restore", other, "--config", config), 1, "in use")
        sensor.stop()
        fails(rig.command("restore", other, "--config", config), 1, "is of agent 10, router", "agent 101")
        fails(rig.command("restore", rig.folder / "nothing.db", "--config", config), 1, "nothing.db")
        fails(rig.command("restore", sensor.log, "--config", config), 1)
        fails(rig.command("restore", "--config", config), 2)
        rig.start(sensor)
        equal(len(sensor.find("Fault")), 1, "faults at the sensor")
        sensor.put("Fault", fault(2))
        sensor.sync("server")
        settled([sensor, gateway, cloud], "Fault", 101)


def case_n_a_copied_folder_started_beside_the_original():
    """The copy is refused and says so, also after a restart; the original goes on; `agent renew` ends it."""
    with Rig() as rig:
        cloud, gateway, (sensor,) = rig.started_tree()
        sensor.put("Fault", fault(1))
        sensor.sync("server")
        sensor.stop()
        clone = rig.node("clone", "device", 101, uplink={k: sensor.config["transports"][0]["config"][k] for k in ("port", "prefix")})
        copy_replica(sensor, clone)
        rig.start(sensor)
        sensor.put("Fault", fault(2))
        sensor.sync("server")
        clone.start()
        clone.put("Fault", fault(3))
        wait_until(lambda: (clone.parent_link() or {}).get("state") == "refused" and sensor.up(),
                   "the copy is refused and the original is not")
        link = clone.parent_link()
        has(link["last_error"], "copies of one replica", "tidegate agent renew", "tidegate agent adopt 101")
        true(not clone.status()["healthy"], "a refused copy is not healthy")
        has(problems(gateway), "agent 101", "copies")
        true(metric(gateway, "tidegate_clones_refused_total") > 0, "the metric at the gateway counts it")
        rewinds = metric(sensor, "tidegate_rewinds_total")
        clone.put("Fault", fault(5))
        clone.restart()
        wait_until(lambda: (clone.parent_link() or {}).get("state") == "refused", "refused also after a start")
        sensor.put("Fault", fault(4))
        sensor.sync("server")
        equal(metric(sensor, "tidegate_rewinds_total"), rewinds, "rewinds of the original: no ping-pong")
        here = {item["id"] for item in cloud.find("Fault")} - {"f3"}  # that one may have come before it was found out
        equal(sorted(here), ["f1", "f2", "f4"], "faults at the cloud")

        fails(rig.command("agent", "renew", "500", "--config", clone.write_config()), 1, "in use")
        clone.stop()
        done = rig.command("agent", "renew", "500", "--config", clone.write_config())
        has(done.out, "agent 500")
        rig.start(clone)
        equal(clone.status()["agent"], 500, "the new agent id")
        clone.sync("server")
        equal(sorted(item["id"] for item in cloud.find("Fault", "--owner", 500)), ["f1", "f3", "f5"], "faults of the new agent")
        has(str(cloud.find("Fault", "--owner", 101)), "f1", "f2", "f4")
        clone.restart()
        rig.wait_linked(clone)
        equal(clone.status()["agent"], 500, "the new agent id after another start")


def case_n_a_copy_below_another_gateway():
    with Rig() as rig:
        top, left, right = rig.broker("top"), rig.broker("left"), rig.broker("right")
        cloud = rig.node("cloud", "server", 1, downlink={"port": top.port, "prefix": "t"})
        gateways = [rig.node(name, "router", agent, uplink={"port": top.port, "prefix": "t"},
                             downlink={"port": broker.port, "prefix": name})
                    for name, agent, broker in (("west", 10, left), ("east", 11, right))]
        sensor = rig.node("sensor", "device", 101, uplink={"port": left.port, "prefix": "west"})
        clone = rig.node("clone", "device", 101, uplink={"port": right.port, "prefix": "east"})
        rig.start(cloud, *gateways, sensor)
        sensor.put("Fault", fault(1))
        sensor.sync("server")
        sensor.stop()
        copy_replica(sensor, clone)
        rig.start(sensor)
        sensor.sync("server")
        clone.start()
        wait_until(lambda: (clone.parent_link() or {}).get("state") == "refused", "the copy is refused")
        wait_until(sensor.up, "the original is not")
        has(clone.parent_link()["last_error"], "copies of one replica")
        has(problems(gateways[1]), "agent 101", "copies")
        clone.put("Fault", fault(3))
        clone.restart()
        wait_until(lambda: (clone.parent_link() or {}).get("state") == "refused", "refused also after a start")
        gateways[1].restart()
        wait_until(lambda: (clone.parent_link() or {}).get("state") == "refused", "and after one of its gateway")
        sensor.put("Fault", fault(2))
        sensor.sync("server")
        equal(sorted(item["id"] for item in cloud.find("Fault")), ["f1", "f2"], "faults at the cloud")
        equal(len(clone.find("Fault")), 2, "the copy keeps what it has")


def case_c_gateway_wiped_with_the_same_agent_id():
    with Rig() as rig:
        cloud, gateway, (sensor,) = rig.started_tree()
        sensor.put("Fault", fault(1))
        sensor.put("Status", {"state": "ok"})
        cloud.put("Config", {"name": "a", "value": "1"}, "--to", 101)
        sensor.sync("server")
        wait_until(lambda: sensor.find("Config"), "the config item")
        gateway.lose_disk()
        wait_until(lambda: (gateway.parent_link() or {}).get("state") == "refused", "the wiped gateway is refused")
        has(gateway.parent_link()["last_error"], "tidegate agent adopt 10")
        sensor.put("Fault", fault(2))
        true(sensor.find("Config"), "nothing is removed at the sensor before")
        cloud.run("agent", "adopt", 10)
        rig.wait_linked(gateway, sensor)
        sensor.sync("server")
        settled([sensor, cloud], "Fault", 101)
        settled([sensor, gateway, cloud], "Config", 101)
        settled([sensor, gateway, cloud], "Status", 101)
        equal(len(cloud.find("Fault")), 2, "faults at the cloud")


if __name__ == "__main__":
    harness.main(globals())
