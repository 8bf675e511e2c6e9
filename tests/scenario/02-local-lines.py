#!/usr/bin/env python3
"""put MODEL -: one item for each line of stdin; bad lines are named and the rest is written."""
import json
import subprocess

import harness
from harness import Rig, equal, fails, has, reading


def case_bad_lines_are_named_and_the_rest_is_written():
    with Rig() as rig:
        node = rig.node("sensor", "device", 101).start()
        lines = [json.dumps(reading(n)) for n in range(2500)]
        lines[6] = '{"station": 7'
        lines[1233] = json.dumps({"station": "s"})
        lines[2000] = "not json"
        lines[2100] = ""
        lines.append(json.dumps(reading(9999)))
        done = node.attempt("put", "Reading", "-", stdin="\n".join(lines))  # the last line has no newline
        fails(done, 1, "line 7:", "line 1234:", "line 2001:")
        has(done.out, "written 2,497, failed 3")
        equal(len(node.find("Reading")), 2497, "readings")
        equal(node.get("Reading", "station=s", "id=r009999")["temperature"], 9999, "the last line")


def case_json_tells_the_figures():
    with Rig() as rig:
        node = rig.node("sensor", "device", 101).start()
        told = json.loads(node.run("put", "Reading", "-", "--json", stdin=json.dumps(reading(1)) + "\n"))
        equal((told["written"], told["failed"]), (1, 0), "the figures")


def case_many_failures_are_counted_and_not_all_told():
    with Rig() as rig:
        node = rig.node("sensor", "device", 101).start()
        done = node.attempt("put", "Reading", "-", stdin="{}\n" * 5000)
        fails(done, 1, "line 1:", "4,980 more")
        equal(len(done.err.splitlines()) < 30, True, "the lines of the messages are few")


def case_a_daemon_that_goes_away_ends_the_command_with_an_error():
    with Rig() as rig:
        node = rig.node("sensor", "device", 101).start()
        put = subprocess.Popen([str(rig.tidegate), "put", "Reading", "-", "--api", str(node.socket)],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        put.stdin.write("".join(json.dumps(reading(n)) + "\n" for n in range(3000)))
        put.stdin.flush()
        node.kill()
        try:
            out, err = put.communicate("".join(json.dumps(reading(n)) + "\n" for n in range(3000, 6000)), timeout=30)
        except BrokenPipeError:
            out, err = put.stdout.read(), put.stderr.read()
        equal(put.wait(10) in (1, 3), True, f"exit code {put.returncode}: {err}")
        has(err, "tidegate:")


if __name__ == "__main__":
    harness.main(globals())
