#!/usr/bin/env python3
"""Ioto loses its place in a packet that arrives in two reads: values of 8.3 KB loop for ever."""
import random
import string

import harness
from harness import Rig, equal, fault, noise, settled, wait_until


def case_values_of_8_3_and_300_kb_pass_in_small_pieces_both_ways():
    with Rig() as rig:
        link = rig.relay()
        limits = {"limits": {"item_bytes_max": "512KB", "transaction_bytes_max": "1MiB"}}
        cloud, sensor = rig.pair(link, extra=limits)
        link.piece_bytes, link.piece_pause_s = 1000, 0.0005
        for number, size in enumerate((8_300, 65_536, 300_000)):
            # By the line: an argument of a command has a limit of its own.
            sensor.put_many("Status", [{"parameters": {"text": noise(size, number)}}])
            sensor.sync("server")
            found = cloud.get("Status", "--owner", 101)["parameters"]["text"]
            equal(found == noise(size, number), True, f"the value of {size} bytes at the cloud")
            value = noise(size, number + 10)
            cloud.put_many("Config", [{"name": f"c{number}", "value": value}], "--to", 101)
            wait_until(lambda: sensor.find("Config", f"name=c{number}"), "the config item")
            equal(sensor.get("Config", f"name=c{number}")["value"] == value, True, f"the value of {size} bytes at the sensor")
        settled([sensor, cloud], "Status", 101)
        settled([sensor, cloud], "Config", 101)


SMALL_FRAMES = 196608
SMALL = {"limits": {"transaction_bytes_max": "16KiB", "item_bytes_max": "15KiB"}}
LARGE = {"limits": {"item_bytes_max": "390KB"}}


def case_a_transport_of_small_frames_carries_all_that_may_be_written():
    with Rig() as rig:
        broker = rig.broker()
        side = {"port": broker.port, "prefix": "cloud", "frame_bytes_max": SMALL_FRAMES}
        cloud = rig.node("cloud", "server", 1, downlink=side, extra=SMALL)
        sensor = rig.node("sensor", "device", 101, uplink=side, extra=SMALL)
        rig.start(cloud, sensor)
        sensor.put_many("Fault", [fault(n, message=noise(14_500, n)) for n in range(60)])
        sensor.sync("server")
        equal(len(cloud.find("Fault")), 60, "faults at the cloud")


def case_a_neighbour_that_takes_smaller_frames_says_so_and_nothing_is_lost():
    with Rig() as rig:
        broker = rig.broker()
        side = {"port": broker.port, "prefix": "cloud"}
        cloud = rig.node("cloud", "server", 1, downlink={**side, "frame_bytes_max": SMALL_FRAMES}, extra=SMALL)
        sensor = rig.node("sensor", "device", 101, uplink=side, extra=LARGE)
        rig.start(cloud, sensor)
        hardly_compresses = "".join(random.Random(1).choices(string.ascii_letters + string.digits, k=380_000))
        sensor.put_many("Fault", [fault(1, message=hardly_compresses)])
        wait_until(lambda: f"above frame_bytes_max ({SMALL_FRAMES}): raise it here" in cloud.log.read_text(),
                   "the cloud's warning")
        cloud.stop()
        cloud.config = {**cloud.config, **LARGE}
        del cloud.config["transports"][0]["config"]["frame_bytes_max"]
        rig.start(cloud)
        rig.wait_linked(sensor)
        sensor.sync("server")
        settled([sensor, cloud], "Fault", 101)


def case_single_bytes_at_a_time_do_no_harm():
    with Rig() as rig:
        link = rig.relay()
        link.piece_bytes = 1
        cloud, sensor = rig.pair(link)
        sensor.put("Fault", harness.fault(1, message=noise(3000, 1)))
        sensor.sync("server")
        equal(len(cloud.find("Fault")), 1, "faults at the cloud")


def case_an_item_over_the_limit_is_refused_at_the_writer():
    with Rig() as rig:
        node = rig.node("sensor", "device", 101).start()
        done = node.attempt("put", "Note", "-", stdin=harness.json.dumps({"text": "x" * 300_000}) + "\n")
        harness.fails(done, 1, "item_bytes_max")
        equal(node.find("Note"), [], "nothing was written")


if __name__ == "__main__":
    harness.main(globals())
