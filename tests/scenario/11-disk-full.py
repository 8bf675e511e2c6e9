#!/usr/bin/env python3
"""The replica lies on a file system that becomes full: nothing is acknowledged that is not stored, nothing acknowledged
is lost, reads go on, and writing goes on by itself when there is space again."""
import http.client
import json
import shutil
import socket
import subprocess

import harness
from harness import Rig, equal, fails, has, noise, reading, true, wait_until
from rig import fill, small_disk

FULL = "database or disk is full"


def ask(node, method, target, body=None):
    """(status, answer) of the API itself."""
    connection = http.client.HTTPConnection("localhost")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(str(node.socket))
    connection.request(method, target, body and json.dumps(body))
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


def put_until_full(node, first=0):
    """Writes until one is refused; the ids that were acknowledged."""
    acknowledged = []
    for number in range(first, first + 100_000):
        status, answer = ask(node, "POST", "/v1/items/Note", {"id": f"n{number}", "text": noise(3000, number)})
        if status != 200:
            equal((status, answer["error"]["code"]), (503, "full"), "the refusal")
            has(answer["error"]["message"], "replica.db", FULL, "free space")
            return acknowledged
        acknowledged.append(f"n{number}")
    raise AssertionError("the disk does not become full")


def sound(path):
    """Of a copy, so that looking changes nothing."""
    for suffix in ("", "-wal"):
        if path.with_name(path.name + suffix).exists():
            shutil.copy(path.with_name(path.name + suffix), path.parent.parent / ("copy.db" + suffix))
    done = subprocess.run(["sqlite3", str(path.parent.parent / "copy.db"), "PRAGMA integrity_check"], capture_output=True, text=True)
    equal((done.stdout.strip(), done.stderr), ("ok", ""), "integrity_check")


def on_disk(rig, folder, *args, **kwargs):
    node = rig.node(*args, **kwargs)
    # Without a reserve: what is refused then, and what goes on, is in 17-room.
    node.config["storage"]["config"].update({"path": str(folder / "replica.db"), "reserve_bytes": 0})
    return node


def case_writes_are_refused_reads_go_on_and_all_resumes():
    with Rig() as rig, small_disk(rig, 8) as disk:
        node = on_disk(rig, disk, "sensor", "device", 101).start()
        node.put_many("Reading", [reading(n) for n in range(500)])
        filler = fill(disk, leave=1 << 20)
        process = node.process.pid
        acknowledged = put_until_full(node)
        true(len(acknowledged) > 10, f"only {len(acknowledged)} were written before the disk was full")

        fails(node.attempt("put", "Status", "state=on"), 1, FULL, "free space")
        fails(node.attempt("put", "Reading", "-", stdin="".join(json.dumps(reading(n)) + "\n" for n in range(1000, 2000))), 1, FULL)
        fails(node.attempt("remove", "Reading", "station=s", "id=r000001"), 1, FULL)
        equal(len(node.find("Reading")), 500, "readings, of which none was removed or added")
        equal(sorted(one["id"] for one in node.find("Note")), sorted(acknowledged), "notes while the disk is full")
        status, health = ask(node, "GET", "/v1/health")
        equal(status, 503, "health while the disk is full")
        has(" ".join(health["problems"]), FULL)

        filler.unlink()
        wait_until(lambda: node.attempt("put", "Status", "state=on").code == 0, "a write that succeeds")
        acknowledged += put_until_full(node, 100_000) if len(node.find("Status")) == 1 else []
        equal(sorted(one["id"] for one in node.find("Note")), sorted(acknowledged), "notes after the disk was full again")
        equal((node.process.poll(), node.process.pid), (None, process), "the daemon")
        node.kill()
        sound(disk / "replica.db")
        fill(disk)
        done = rig.run_daemon("--config", node.config_path)
        equal(done.code, 1, f"the exit code of a start without space ({done.err})")
        has(done.err, "replica.db", "free space")
        (disk / "filler").unlink()


def case_a_server_without_space_acknowledges_nothing_from_below():
    with Rig() as rig, small_disk(rig, 32) as disk:
        broker = rig.broker()
        server = on_disk(rig, disk, "cloud", "server", 1, downlink={"port": broker.port, "prefix": "cloud"})
        device = rig.node("sensor", "device", 101, uplink={"port": broker.port, "prefix": "cloud"})
        rig.start(server, device)
        device.put_many("Reading", [reading(n) for n in range(100)])
        device.sync()
        filler = fill(disk)
        device.put_many("Reading", [reading(n, station=noise(500, n)) for n in range(100, 1600)])
        fails(device.attempt("sync", "--wait", "--to", "server", "--timeout", "2s"), 5)
        true(device.parent_link()["pending_changes"] > 0, "what the server has not stored is pending")
        held = len(server.find("Reading"))
        true(100 <= held < 1600, f"the server serves what it has: {held}")
        filler.unlink()
        device.sync()
        equal(len(server.find("Reading")), 1600, "readings at the server")
        harness.settled([device, server], "Reading", 101)
        server.stop()
        sound(disk / "replica.db")


if __name__ == "__main__":
    harness.main(globals())
