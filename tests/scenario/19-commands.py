#!/usr/bin/env python3
"""Commands: each is run once, whatever happens to who runs it. Letter u of the design."""
import os
import signal
import subprocess

import harness
from harness import Rig, equal, wait_until
from rig.orders import OrderProgram, schema_with_orders


class Site:
    """Cloud, gateway and sensor, which runs orders."""

    def __init__(self, rig, code=0):
        self.rig = rig
        self.cloud, self.gateway, (self.sensor,) = rig.started_tree(schema=schema_with_orders(rig))
        self.program = OrderProgram(rig.folder / "program", code)
        self.runner = None

    def run_orders(self):
        """Starts `command run`, in a process group of its own: it can be killed with the program it runs."""
        self.stop_running()
        self.runner = subprocess.Popen([str(self.rig.tidegate), "command", "run", "Order", "--api", str(self.sensor.socket),
                                        "--", str(self.program.path)], stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL, start_new_session=True)

    def stop_running(self):
        if self.runner is not None:
            os.killpg(self.runner.pid, signal.SIGKILL)
            self.runner.wait(10)
        self.runner = None

    def order(self, name):
        self.cloud.put("Order", {"name": name}, "--to", 101)

    def answer(self, name):
        return next((item for item in self.cloud.find("Done", "--owner", 101) if item["name"] == name), None)

    def wait_answered(self, name):
        wait_until(lambda: self.answer(name), f"the answer to {name} at the cloud")
        wait_until(lambda: not [one for one in self.cloud.find("Order") if one["name"] == name], f"{name} is removed")


def case_u_killed_while_it_runs_reconnected_and_restored_it_is_run_once():
    with Rig() as rig:
        site = Site(rig)
        sensor = site.sensor
        try:
            site.run_orders()
            site.order("first")
            site.wait_answered("first")
            backup = rig.folder / "sensor-backup.db"
            sensor.run("backup", backup)

            site.program.wait.touch()
            site.order("killed")
            wait_until(lambda: "killed" in site.program.runs(), "the program runs")
            sensor.kill()
            site.stop_running()
            site.program.wait.unlink()
            sensor.start()
            site.run_orders()
            site.wait_answered("killed")

            site.order("last")
            site.wait_answered("last")
            for _ in range(4):
                sensor.restart(signal.SIGKILL)
                site.run_orders()
                rig.wait_linked(sensor)
            sensor.stop()
            site.stop_running()
            equal(rig.command("restore", backup, "--config", sensor.write_config()).code, 0, "exit code of restore")
            sensor.start()
            site.run_orders()
            rig.wait_linked(sensor)
            site.order("after")
            site.wait_answered("after")
            sensor.sync("server")
        finally:
            site.stop_running()
        equal(site.program.runs(), {"first": 1, "killed": 2, "last": 1, "after": 1}, "how often each was run")
        for name in site.program.runs():
            answer = site.answer(name)
            equal((answer["code"], answer["output"].strip()), (0, f"did {name}"), f"the answer to {name}")
        equal(sensor.json_lines("command", "list", "Order"), [], "commands without an answer")


def case_a_command_that_fails_is_answered_too():
    with Rig() as rig:
        site = Site(rig, code=3)
        site.order("fails")
        wait_until(lambda: site.sensor.json_lines("command", "list", "Order"), "the command at the sensor")
        for _ in range(2):
            done = rig.command("command", "run", "Order", "--once", "--api", site.sensor.socket, "--", site.program.path)
            equal(done.code, 0, f"exit code of the runner: {done.err}")
        site.wait_answered("fails")
        equal((site.answer("fails")["code"], site.program.runs()), (3, {"fails": 1}), "the code and the number of runs")


if __name__ == "__main__":
    harness.main(globals())
