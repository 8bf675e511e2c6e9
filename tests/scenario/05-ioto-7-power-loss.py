#!/usr/bin/env python3
"""Ioto drops its journal before the snapshot is on disk: power loss can lose everything; damaged files stop the start
or silently lose items."""
import re
import shutil
import subprocess

import harness
from harness import Rig, Skip, equal, fails, has, reading, true


def case_a_write_is_answered_after_it_is_on_disk():
    """The order of the daemon's own system calls: the log is written, synced, and only then the answer goes out."""
    if not shutil.which("strace"):
        raise Skip("no strace")
    with Rig() as rig:
        node = rig.node("sensor", "device", 101)
        trace = rig.folder / "trace"
        calls = "trace=pwrite64,write,writev,sendto,sendmsg,fdatasync,fsync"
        node.start(under=("strace", "-D", "-f", "-y", "-s", "4096", "-e", calls, "-o", str(trace), "-E", "ASAN_OPTIONS=detect_leaks=0"))
        markers = [f"marker-{number}" for number in range(20)]
        for marker in markers:
            node.put("Note", {"id": marker, "text": "x"})
        node.stop()
        if "ptrace" in node.tail() or not trace.exists() or not trace.read_text():
            raise Skip("strace may not trace here")
        lines = trace.read_text(errors="replace").splitlines()
        for marker in markers:
            written = next(at for at, line in enumerate(lines) if "replica.db-wal" in line and marker in line)
            answered = next(at for at, line in enumerate(lines)
                            if marker in line and re.search(r"(sendto|sendmsg|write|writev)\(\d+<(socket|UNIX)", line))
            synced = [at for at, line in enumerate(lines) if re.search(r"f(data)?sync\(\d+<[^>]*replica.db-wal>", line)]
            true(any(written < at < answered for at in synced),
                 f"{marker}: written in line {written}, answered in line {answered}, synced in {synced}")


def case_what_was_answered_survives_kill_9():
    with Rig() as rig:
        node = rig.node("sensor", "device", 101).start()
        for round_ in range(5):
            node.put_many("Reading", [reading(n) for n in range(round_ * 200, round_ * 200 + 200)])
            node.kill()
            node.start()
            equal(len(node.find("Reading")), (round_ + 1) * 200, f"readings after kill {round_ + 1}")


def damaged(change, *parts):
    """The replica after change(path) must be refused with the file's name, and stay as it is."""
    with Rig() as rig:
        node = rig.node("sensor", "device", 101).start()
        node.put_many("Reading", [reading(n) for n in range(3000)])
        node.stop()
        replica = node.folder / "replica.db"
        change(replica)
        bytes_ = replica.read_bytes()
        done = subprocess.run([str(rig.tidegated), "--config", str(node.config_path)], capture_output=True, text=True,
                              timeout=30)
        true(done.returncode in (1, 78), f"exit code {done.returncode}: {done.stderr}")
        has(done.stderr, "replica.db", *parts)
        equal(replica.read_bytes() == bytes_, True, "the damaged file is left alone")


def case_a_file_that_is_no_replica_is_refused():
    damaged(lambda path: path.write_bytes(b"x" * 8192))


def case_a_damaged_header_is_refused():
    def change(path):
        data = bytearray(path.read_bytes())
        data[0:64] = bytes(64)
        path.write_bytes(data)
    damaged(change)


def case_a_truncated_file_is_refused():
    def change(path):
        data = path.read_bytes()
        path.write_bytes(data[:len(data) // 2 // 4096 * 4096])
    damaged(change)


def case_an_empty_file_is_refused():
    damaged(lambda path: path.write_bytes(b""))


def case_a_damaged_page_is_an_error_and_no_empty_answer():
    with Rig() as rig:
        node = rig.node("sensor", "device", 101).start()
        node.put_many("Reading", [reading(n) for n in range(3000)])
        node.stop()
        replica = node.folder / "replica.db"
        data = bytearray(replica.read_bytes())
        for page in range(20, len(data) // 4096):
            data[page * 4096:page * 4096 + 200] = b"\xff" * 200
        replica.write_bytes(data)
        node.start(wait=False)
        harness.wait_until(lambda: node.process.poll() is not None or node.attempt("status").code == 0, "an end or an answer")
        if node.process.poll() is None:
            fails(node.attempt("find", "Reading"), 1)
        else:
            true(node.process.returncode in (1, 78), f"exit code {node.process.returncode}: {node.tail()}")
            has(node.tail(), "replica.db")


if __name__ == "__main__":
    harness.main(globals())
