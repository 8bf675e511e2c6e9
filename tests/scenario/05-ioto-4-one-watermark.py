#!/usr/bin/env python3
"""Ioto has one watermark for both directions: the ack of a change that went up can skip one that was to come down."""
import harness
from harness import Rig, equal, fault, settled, true, wait_until


def case_acks_of_what_goes_up_never_skip_what_comes_down():
    with Rig() as rig:
        link = rig.relay()
        cloud, sensor = rig.pair(link, sync={"sync_delay": "0ms", "window_frames": 64})
        cloud.put("Config", {"name": "first", "value": "1"}, "--to", 101)
        wait_until(lambda: sensor.find("Config"), "the first config item")
        # Both ways are known to work before one is shut: a hello could not be answered any more.
        sensor.put("Fault", fault(50))
        sensor.sync("server")
        # What comes down is lost while what goes up goes up, and its versions become higher.
        link.keep = lambda topic: not topic.endswith("/down")
        cloud.put("Config", {"name": "second", "value": "1"}, "--to", 101)
        for number in range(20):
            sensor.put("Fault", fault(number))
        wait_until(lambda: len(cloud.find("Fault")) == 21, "the faults at the cloud")
        equal(len(sensor.find("Config")), 1, "config items at the sensor while frames are lost")
        link.keep = None
        sensor.put("Fault", fault(99))
        sensor.sync("server")
        wait_until(lambda: len(sensor.find("Config")) == 2, "the second config item")
        settled([sensor, cloud], "Config", 101)
        settled([sensor, cloud], "Fault", 101)


def case_a_restart_in_between_skips_nothing():
    with Rig() as rig:
        link = rig.relay()
        cloud, sensor = rig.pair(link, sync={"sync_delay": "0ms"})
        for round_ in range(5):
            link.keep = lambda topic: not topic.endswith("/down")
            cloud.put("Config", {"name": f"c{round_}", "value": "1"}, "--to", 101)
            sensor.put("Fault", fault(round_))
            wait_until(lambda: len(cloud.find("Fault")) == round_ + 1, "the fault at the cloud")
            (sensor if round_ % 2 else cloud).restart(harness.signal.SIGKILL)
            link.keep = None
            wait_until(lambda: len(sensor.find("Config")) == round_ + 1, "the config item")
        true(link.lost > 0, "frames were lost")
        settled([sensor, cloud], "Config", 101)


if __name__ == "__main__":
    harness.main(globals())
