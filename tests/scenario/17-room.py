#!/usr/bin/env python3
"""A router without room, of its disk or of a model: the device waits, others pass, and everything drains by itself."""
import harness
from harness import Rig, equal, fails, has, noise, reading, true, wait_until
from rig import small_disk


def policy(**retain):
    return {"policies": [{"plugin": "policy-onetable", "config": {"retain": {"Reading": retain}}}]}


def three(rig, router_extra, device_extra=None):
    near, far = rig.broker(), rig.broker()
    cloud = rig.node("cloud", "server", 1, downlink={"port": far.port, "prefix": "cloud"})
    router = rig.node("gateway", "router", 10, uplink={"port": far.port, "prefix": "cloud"},
                      downlink={"port": near.port, "prefix": "plant"}, extra=router_extra)
    device = rig.node("sensor", "device", 101, uplink={"port": near.port, "prefix": "plant"}, extra=device_extra)
    return cloud, router, device


def case_the_routers_disk_fills_under_a_backlog_and_drains_by_itself():
    with Rig() as rig, small_disk(rig, 16) as disk:
        cloud, router, device = three(rig, policy(delivered="server"))
        router.config["storage"]["config"]["path"] = str(disk / "replica.db")
        router.start()
        device.start()
        true((disk / "replica.db.reserve").exists(), "no reserve is kept")
        device.put_many("Reading", [reading(n, station=noise(1500, n)) for n in range(4_000)])
        wait_until(lambda: router.status()["disk_full"], "the router's disk is full", 60)
        held = router.status()["items"]
        true(100 < held < 4_000, f"the router holds {held}")
        true(device.parent_link()["pending_changes"] > 0, "what the router has not stored is pending at the device")
        lines = "\n".join(harness.json.dumps(reading(n, station=noise(1500, n))) for n in range(30_000, 33_000))
        fails(router.attempt("put", "Reading", "-", stdin=lines), 1, "full")
        # What makes room, or hardly takes any, goes on. Some of the router's own writes may have fitted.
        first = router.find("Reading", "--owner", 101, "--limit", "1")[0]
        device.run("remove", "Reading", f"id={first['id']}", f"station={first['station']}")

        cloud.start()
        wait_until(lambda: device.attempt("sync", "--wait", "--timeout", "10s").code == 0, "the device drains", 200)
        equal(len(cloud.find("Reading", "--owner", 101)), 3_999, "readings at the cloud")
        wait_until(lambda: router.status()["items"] < 1000, "the router dropped what is delivered", 60)
        wait_until(lambda: not router.status()["disk_full"], "the router has room again", 60)
        device.put_many("Reading", [reading(n) for n in range(20_000, 20_100)])
        device.sync()
        equal(len(cloud.find("Reading", "--owner", 101)), 4_099, "readings at the cloud in the end")
        true((disk / "replica.db.reserve").exists(), "the reserve is not kept again")
        true((disk / "replica.db").stat().st_size < 12 << 20, "space is not given back")


def case_a_quota_holds_one_model_down_to_the_device_and_others_pass():
    with Rig() as rig:
        cloud, router, device = three(rig, policy(delivered="server", items_max=500), policy(delivered="hop", items_max=5_000))
        router.start()
        device.start()
        wait_until(device.up, "the device is connected")
        device.put_many("Reading", [reading(n) for n in range(4_000)])
        wait_until(lambda: device.parent_link()["holds"], "the device is told to wait")
        hold = device.parent_link()["holds"][0]
        equal((hold["model"], hold["reason"], hold["ours"]), ("Reading", "quota", False), "the hold at the device")
        has(hold["message"], "500 items", "retain.items_max")
        wait_until(lambda: router.status()["quotas"][0]["full"], "the router shows that its quota is used up")
        quota = router.status()["quotas"][0]
        true(500 <= quota["items"] <= 1_600, f"the router took {quota['items']} of 500 and a batch")
        has(device.run("status"), "hold ", "Reading", "quota")
        has(router.run("status"), "quota ", "500 items")

        device.put("Status", {"state": "on"})
        wait_until(lambda: router.find("Status"), "what has no quota passes", 10)
        equal(len(router.find("Status")), 1, "a model that has no quota")
        device.put_many("Reading", [reading(n) for n in range(4_000, 4_900)])
        done = device.attempt("put", "Reading", "-", stdin="\n".join(harness.json.dumps(reading(n)) for n in range(5_000, 7_000)))
        fails(done, 1, "no room for another Reading", "retain.items_max")
        written = device.status()["quotas"][0]["items"]

        cloud.start()
        wait_until(lambda: not device.parent_link()["holds"] and device.parent_link()["pending_changes"] == 0,
                   "the device drains", 120)
        wait_until(lambda: router.status()["quotas"][0]["items"] == 0, "the router drains", 60)
        true(len(cloud.find("Reading")) >= written, "readings at the cloud")
        wait_until(lambda: device.status()["quotas"][0]["items"] == 0, "the device dropped what is at the hop")
        equal(device.status()["losses"], [], "losses")


def case_what_a_quota_drops_undelivered_is_kept_below_and_goes_again():
    with Rig() as rig:
        cloud, router, device = three(rig, policy(items_max=10, when_full="drop_oldest"), policy(delivered="server"))
        router.start()
        device.start()
        wait_until(device.up, "the device is connected")
        device.put_many("Reading", [reading(n) for n in range(100)])
        wait_until(lambda: sum(one["items"] for one in router.status()["losses"]) >= 90, "the router makes room", 30)
        wait_until(lambda: any("going again" in one["reason"] for one in device.status()["losses"]), "the device is told")
        equal(len(device.find("Reading", "--limit", "200")), 100, "readings kept at the device")

        cloud.start()

        def ends():
            done = device.attempt("sync", "--wait", "--to", "server", "--timeout", "20s", "--json")
            here = {one["id"] for one in device.find("Reading", "--limit", "200")}
            there = {one["id"] for one in cloud.find("Reading", "--limit", "200")}
            equal(len(here | there), 100, "readings that are somewhere")
            if done.code == 0:
                equal(len(there), 100, "readings at the cloud when the wait says that all are")
            return done.code == 0

        wait_until(ends, "all is at the cloud", 120)
        wait_until(lambda: not device.find("Reading"), "the device dropped what is at the server")


def case_what_a_device_drops_of_its_own_is_no_success():
    with Rig() as rig:
        cloud, router, device = three(rig, {}, policy(items_max=10, when_full="drop_oldest"))
        device.start()
        device.put_many("Reading", [reading(n) for n in range(50)])
        wait_until(lambda: sum(one["items"] for one in device.status()["losses"]) == 40, "the device makes room", 30)
        router.start()
        cloud.start()
        wait_until(device.up, "the device is connected")
        fails(device.attempt("sync", "--wait", "--to", "server", "--timeout", "60s"), 6, "40 items were dropped before delivery")
        equal(len(cloud.find("Reading")), 10, "readings at the cloud")
        equal(device.attempt("sync", "--wait", "--to", "server", "--timeout", "60s").code, 0, "it was said")


if __name__ == "__main__":
    harness.main(globals())
