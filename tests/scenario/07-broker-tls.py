#!/usr/bin/env python3
"""TLS and mutual TLS; what is wrong with a certificate is told in status, with what to do."""
from certs import Authority

import harness
from harness import Rig, equal, fault, has, settled, true, wait_until


def listener(authority, mutual=False):
    cert, key = authority.issue("localhost", "DNS:localhost,IP:127.0.0.1")
    lines = [f"cafile {authority.cert}", f"certfile {cert}", f"keyfile {key}", "tls_version tlsv1.2"]
    if mutual:
        lines += ["require_certificate true", "use_identity_as_username true"]
    return lines


def link(broker, authority, client=None, **more):
    tls = {"ca": str(authority.cert)}
    if client:
        tls.update(cert=str(client[0]), key=str(client[1]))
    return {"port": broker.port, "prefix": "p", "tls": tls, **more}


def case_tls_carries_both_ways():
    with Rig() as rig:
        authority = Authority(rig.folder)
        broker = rig.broker(lines=[*listener(authority), "allow_anonymous true"])
        cloud = rig.node("cloud", "server", 1, downlink=link(broker, authority))
        sensor = rig.node("sensor", "device", 101, uplink=link(broker, authority))
        rig.start(cloud, sensor)
        sensor.put("Fault", fault(1))
        cloud.put("Config", {"name": "a", "value": "1"}, "--to", 101)
        sensor.sync("server")
        settled([sensor, cloud], "Fault", 101)
        wait_until(lambda: sensor.find("Config"), "the config item")
        equal(sensor.parent_link()["authenticated"], False, "without broker_acl nobody is authenticated")


def case_mutual_tls_with_an_acl_gives_an_identity():
    with Rig() as rig:
        authority = Authority(rig.folder)
        acl = rig.folder / "acl"
        acl.write_text((harness.SOURCE / "config" / "broker" / "acl").read_text().replace("plant1", "p"))
        broker = rig.broker(lines=[*listener(authority, mutual=True), f"acl_file {acl}"])
        cloud = rig.node("cloud", "server", 1, downlink=link(broker, authority, authority.issue("parent"), broker_acl=True))
        sensor = rig.node("sensor", "device", 101, uplink=link(broker, authority, authority.issue("101"), broker_acl=True))
        rig.start(cloud, sensor)
        sensor.put("Fault", fault(1))
        sensor.sync("server")
        true(cloud.child_link(101)["authenticated"], "the child is authenticated")
        # Another's certificate: the topics of 102 are closed to it.
        thief = rig.node("thief", "device", 102, uplink=link(broker, authority, authority.issue("103"), broker_acl=True))
        thief.start()
        thief.put("Fault", fault(2))
        # The same without any certificate.
        stranger = rig.node("stranger", "device", 104, uplink=link(broker, authority)).start()
        wait_until(lambda: (stranger.parent_link() or {}).get("last_error"), "an error at the stranger")
        harness.time.sleep(1.5)
        equal(sorted(item["id"] for item in cloud.find("Fault")), ["f1"], "at the cloud")
        true(not thief.up() and cloud.child_link(102) is None, "the thief has no link")


def refused(make, *parts):
    """make(rig, authority, broker) gives a sensor that must not come up, and say why."""
    with Rig() as rig:
        authority = Authority(rig.folder)
        broker = rig.broker(lines=[*listener(authority), "allow_anonymous true"])
        sensor = make(rig, authority, broker).start()
        error = wait_until(lambda: (sensor.parent_link() or {}).get("last_error"), "an error in status")
        has(error, *parts)
        has(sensor.run("status"), error[:40])
        sensor.put("Fault", fault(1))  # works on its own


def case_a_wrong_authority_is_told():
    refused(lambda rig, authority, broker: rig.node(
        "sensor", "device", 101, uplink=link(broker, Authority(rig.folder, "other"))), "certificate", "ca")


def case_a_wrong_name_is_told():
    refused(lambda rig, authority, broker: rig.node(
        "sensor", "device", 101, uplink={**link(broker, authority), "tls": {"ca": str(authority.cert), "server_name": "elsewhere"}}),
        "certificate", "name")


def case_no_tls_where_the_broker_wants_it_is_told():
    refused(lambda rig, authority, broker: rig.node(
        "sensor", "device", 101, uplink={"port": broker.port, "prefix": "p"}), "tls")


def case_a_missing_file_is_told():
    with Rig() as rig:
        node = rig.node("sensor", "device", 101, uplink={"port": 1, "prefix": "p", "tls": {"ca": "/nowhere/ca.pem"}})
        done = node.check()
        if done.code == 0:  # files are opened at start
            node.start()
            has(wait_until(lambda: (node.parent_link() or {}).get("last_error"), "an error in status"), "/nowhere/ca.pem")
        else:
            harness.fails(done, 78, "/nowhere/ca.pem")


if __name__ == "__main__":
    harness.main(globals())
