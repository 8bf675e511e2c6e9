#!/usr/bin/env python3
"""The broker's ACL file of config/ against clients that try to cheat."""
import shutil
import subprocess

import harness
from harness import Rig, Skip, equal, fault, settled, true, wait_until


def guarded(rig):
    """(broker, cloud, sensor 101): with users, passwords and the ACL file of config/."""
    program = shutil.which("mosquitto_passwd")
    if not program:
        raise Skip("no mosquitto_passwd")
    acl = rig.folder / "acl"
    acl.write_text((harness.SOURCE / "config" / "broker" / "acl").read_text())
    acl.chmod(0o600)
    passwords = rig.folder / "passwd"
    passwords.touch(0o600)
    for user in ("parent", "101", "102"):
        subprocess.run([program, "-b", str(passwords), user, f"pw-{user}"], check=True, capture_output=True)
        (rig.folder / f"{user}.password").write_text(f"pw-{user}\n")
    broker = rig.broker(lines=["allow_anonymous false", f"password_file {passwords}", f"acl_file {acl}"])
    cloud = rig.node("cloud", "server", 1, downlink=link(rig, broker, "parent"))
    sensor = rig.node("sensor", "device", 101, uplink=link(rig, broker, "101"))
    return broker, cloud, sensor


def link(rig, broker, user):
    return {"port": broker.port, "prefix": "plant1", "username": user, "password_file": str(rig.folder / f"{user}.password"),
            "broker_acl": True}


def publish(broker, user, topic, data, password=None):
    return subprocess.run(["mosquitto_pub", "-V", "5", "-q", "1", "-h", "127.0.0.1", "-p", str(broker.port), "-u", user, "-P",
                           password or f"pw-{user}", "-t", topic, "-s"], input=data, capture_output=True, timeout=20)


def case_honest_nodes_work_and_are_authenticated():
    with Rig() as rig:
        broker, cloud, sensor = guarded(rig)
        rig.start(cloud, sensor)
        sensor.put("Fault", fault(1))
        cloud.put("Config", {"name": "a", "value": "1"}, "--to", 101)
        sensor.sync("server")
        settled([sensor, cloud], "Fault", 101)
        wait_until(lambda: sensor.find("Config"), "the config item")
        true(cloud.child_link(101)["authenticated"] and sensor.parent_link()["authenticated"], "both are authenticated")


def case_a_node_with_anothers_credentials_gets_no_link():
    with Rig() as rig:
        broker, cloud, sensor = guarded(rig)
        rig.start(cloud, sensor)
        cheat = rig.node("cheat", "device", 103, uplink=link(rig, broker, "102")).start()
        cheat.put("Fault", fault(666))
        posing = rig.node("posing", "device", 101, uplink=link(rig, broker, "102")).start()
        posing.put("Fault", fault(667))
        parent = rig.node("parent", "router", 102, level=2, downlink=link(rig, broker, "102")).start()
        parent.put("Fault", fault(668))
        sensor.put("Fault", fault(1))
        sensor.sync("server")
        harness.time.sleep(2)
        equal([item["id"] for item in cloud.find("Fault")], ["f1"], "at the cloud")
        true(not cheat.up() and not posing.up(), "neither has a link")
        equal(sensor.parent_link()["agent"], 1, "the sensor's parent is who it was")


def case_a_wrong_password_is_told():
    with Rig() as rig:
        broker, cloud, sensor = guarded(rig)
        (rig.folder / "101.password").write_text("wrong\n")
        sensor.start()
        error = wait_until(lambda: (sensor.parent_link() or {}).get("last_error"), "an error in status")
        harness.has(error, "password_file")
        true("wrong" not in error, "the password is not told")


def case_forged_and_broken_frames_do_no_harm():
    """102 is let in by the broker and sends what it likes, where it may and where it may not."""
    with Rig() as rig:
        if not shutil.which("mosquitto_pub"):
            raise Skip("no mosquitto_pub")
        broker, cloud, sensor = guarded(rig)
        rig.start(cloud, sensor)
        sensor.put("Fault", fault(1))
        sensor.sync("server")
        for data in (b"", b"T", b"T\x01\x00\x00" + bytes(16), b"T\x01\x00\x00" + bytes(16) + b"\x08\x01\xff\xff", b"\xff" * 5000,
                     b"T\x09\x00\x00" + bytes(400)):
            for topic in ("plant1/102/up", "plant1/102/state", "plant1/101/up", "plant1/101/down", "plant1/101/state",
                          "plant1/parent/state", "plant1/1/up", "plant1/99999999999999999999/up"):
                publish(broker, "102", topic, data)
        publish(broker, "102", "plant1/102/state", b"online 00000000000000aa-1")
        publish(broker, "102", "plant1/102/state", b"online " + b"x" * 3000)
        sensor.put("Fault", fault(2))
        cloud.put("Config", {"name": "a", "value": "1"}, "--to", 101)
        sensor.sync("server")
        wait_until(lambda: sensor.find("Config"), "the config item")
        true(cloud.running() and sensor.running(), "both go on")
        equal(sensor.up(), True, "the link is up")
        settled([sensor, cloud], "Fault", 101)


if __name__ == "__main__":
    harness.main(globals())
