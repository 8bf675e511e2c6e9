#!/usr/bin/env python3
"""The tidegate command: finding the daemon, wrong command lines, exit codes."""
import harness
from harness import Rig, equal, fails, has


def case_wrong_command_lines_name_the_nearest():
    with Rig() as rig:
        fails(rig.command("statsu"), 2, "status")
        fails(rig.command("find", "Reading", "--limt", "3"), 2, "--limit")
        fails(rig.command("find"), 2, "usage: tidegate find MODEL")
        fails(rig.command("put", "Reading", "novalue"), 2, "FIELD=VALUE")
        fails(rig.command("sync", "--to", "moon"), 2, "hop or server")


def case_every_command_has_help_with_an_example():
    with Rig() as rig:
        for words in (["put"], ["get"], ["find"], ["remove"], ["watch"], ["sync"], ["status"], ["verify"], ["tx"],
                      ["quarantine", "list"], ["agent", "adopt"], ["plugin", "list"], ["plugin", "info"], ["backup"]):
            done = rig.command(*words, "--help")
            equal(done.code, 0, f"{words} --help: {done.err}")
            has(done.out, "example", "tidegate " + " ".join(words), "--json")
        for flag in ("--help", "--version"):
            equal(rig.run_daemon(flag).code, 0, f"tidegated {flag}")


def case_nobody_listening_is_exit_code_3():
    with Rig() as rig:
        fails(rig.command("status", "--api", rig.folder / "none.sock"), 3, "none.sock", "running")


def case_socket_is_found_by_option_environment_and_configuration():
    with Rig() as rig:
        node = rig.node("sensor", "device", 101).start()
        equal(rig.command("status", "--json", "--api", node.socket).code, 0, "--api")
        equal(rig.command("status", "--json", env={"TIDEGATE_API": str(node.socket)}).code, 0, "TIDEGATE_API")
        equal(rig.command("status", "--json", "--config", node.config_path).code, 0, "--config")
        # --api goes before the environment.
        done = rig.command("status", "--api", rig.folder / "none.sock", env={"TIDEGATE_API": str(node.socket)})
        fails(done, 3, "none.sock")


def case_socket_path_over_107_bytes_is_refused():
    with Rig() as rig:
        long = str(rig.folder) + "/" + "x" * (108 - len(str(rig.folder)) - 1)
        equal(len(long), 108, "the path")
        fails(rig.command("status", "--api", long), 1, "108 bytes", "107")
        node = rig.node("sensor", "device", 101)
        node.config["api"]["socket"] = long
        fails(node.check(), 78, "tidegate.yaml:5:11", "107")
        node.config["api"]["socket"] = long[:-1]
        equal(node.check().code, 0, "107 bytes")
        node.process = None
        node.socket = long[:-1]
        node.start()
        equal(node.status()["agent"], 101, "the agent behind a path of 107 bytes")


def case_second_daemon_on_the_same_replica_or_socket_is_refused():
    with Rig() as rig:
        first = rig.node("sensor", "device", 101).start()
        second = rig.node("other", "device", 101)
        second.config["storage"]["config"]["path"] = str(first.folder / "replica.db")
        done = rig.run_daemon("--config", second.write_config())
        equal(done.code in (1, 78), True, f"exit code {done.code}")
        has(done.err, "replica.db")
        third = rig.node("third", "device", 102)
        third.config["api"]["socket"] = str(first.socket)
        done = rig.run_daemon("--config", third.write_config())
        equal(done.code in (1, 78), True, f"exit code {done.code}")
        has(done.err, "api.sock")
        equal(first.status()["agent"], 101, "the first daemon goes on")


def case_errors_of_the_daemon_have_their_exit_codes():
    with Rig() as rig:
        node = rig.node("sensor", "device", 101).start()
        fails(node.attempt("get", "Note", "id=none"), 4, "no Note")
        fails(node.attempt("put", "Nothing", "a=1"), 4, "Nothing")
        fails(node.attempt("put", "Note", "text=x", "txt=y"), 1, "txt")
        fails(node.attempt("sync", "--wait", "--timeout", "300ms"), 5, "nothing is lost")
        fails(node.attempt("agent", "adopt", "7"), 4, "7")


def case_replica_of_another_agent_or_role_is_refused():
    with Rig() as rig:
        node = rig.node("sensor", "device", 101).start()
        node.put("Note", {"text": "x"})
        node.stop()
        node.config["node"]["agent"] = 102
        done = rig.run_daemon("--config", node.write_config())
        fails(done, 78, "101", "102")
        node.config["node"] = {"role": "router", "agent": 101, "level": 2}
        fails(rig.run_daemon("--config", node.write_config()), 78, "device", "router")


if __name__ == "__main__":
    harness.main(globals())
