#!/usr/bin/env python3
"""Ioto has no timer for what was not acknowledged: a lost change waited for the next unrelated one."""
import harness
from harness import Rig, equal, fault, noise, settled, true, wait_until


class LoseNext:
    """Loses the next count messages of topics that end so."""

    def __init__(self, end, count=1):
        self.end, self.left = end, count

    def __call__(self, topic):
        if not topic.endswith(self.end) or self.left == 0:
            return True
        self.left -= 1
        return False


def case_a_lost_change_is_sent_again_without_another():
    with Rig() as rig:
        link = rig.relay()
        cloud, sensor = rig.pair(link, sync={"sync_delay": "0ms"})
        link.keep = LoseNext("/up")
        started = harness.time.monotonic()
        sensor.put("Fault", fault(1))
        wait_until(lambda: cloud.find("Fault"), "the fault at the cloud", timeout_s=10)
        true(link.lost >= 1, "a frame was lost")
        true(harness.time.monotonic() - started < 5, "it came within seconds")
        true(sensor.parent_link()["resends"] >= 1, "a resend is counted")


def case_a_lost_ack_doubles_nothing():
    with Rig() as rig:
        link = rig.relay()
        cloud, sensor = rig.pair(link, sync={"sync_delay": "0ms"})
        watch = cloud.watch("Fault", "--count", 2)
        link.keep = LoseNext("/down")
        sensor.put("Fault", fault(1))
        sensor.sync("server")
        true(link.lost >= 1, "an ack was lost")
        sensor.put("Fault", fault(2))
        out, _ = watch.communicate(timeout=30)
        equal([harness.json.loads(line)["item"]["id"] for line in out.splitlines()], ["f1", "f2"], "each came once")


def case_a_lost_down_change_is_sent_again():
    with Rig() as rig:
        link = rig.relay()
        cloud, sensor = rig.pair(link, sync={"sync_delay": "0ms"})
        link.keep = LoseNext("/down", 2)
        cloud.put("Config", {"name": "a", "value": "1"}, "--to", 101)
        wait_until(lambda: sensor.find("Config"), "the config item at the sensor", timeout_s=10)
        true(link.lost >= 1, "a frame was lost")


def case_a_link_cut_in_the_middle_of_a_backlog_goes_on_where_it_was():
    with Rig() as rig:
        link = rig.relay()
        cloud, sensor = rig.pair(link, sync={"frame_bytes": "8KiB"})
        link.piece_bytes, link.piece_pause_s = 2048, 0.004
        sensor.put_many("Fault", [fault(n, message=noise(700, n)) for n in range(2000)])
        cuts = []
        while len(cuts) < 4:
            wait_until(lambda: sensor.up(), "the link")
            seen = cloud.status()["items"]
            if seen == 2000:
                break
            wait_until(lambda: cloud.status()["items"] > seen, "something arrives")
            link.cut()
            link.mend()
            cuts.append(cloud.status()["items"])
        link.piece_bytes = 0
        true(cuts and cuts[0] < 2000, f"the link was cut in the middle: at {cuts}")
        sensor.sync("server")
        settled([sensor, cloud], "Fault", 101)
        equal(len(cloud.find("Fault")), 2000, "faults at the cloud")


def case_every_seventh_frame_lost_both_ways_loses_nothing():
    with Rig() as rig:
        link = rig.relay()
        cloud, sensor = rig.pair(link, sync={"frame_bytes": "4KiB", "sync_delay": "0ms"})
        passed = [0]

        def keep(topic):
            if topic.endswith("/state"):
                return True
            passed[0] += 1
            return passed[0] % 7 != 0
        link.keep = keep
        for part in range(10):
            sensor.put_many("Reading", [harness.reading(n) for n in range(part * 100, part * 100 + 100)])
            cloud.put("Config", {"name": f"c{part}", "value": "1"}, "--to", 101)
        sensor.sync("server")
        wait_until(lambda: len(sensor.find("Config")) == 10, "the config items")
        true(link.lost > 5, f"{link.lost} frames were lost")
        settled([sensor, cloud], "Reading", 101)
        settled([sensor, cloud], "Config", 101)


if __name__ == "__main__":
    harness.main(globals())
