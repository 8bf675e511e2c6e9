"""A real mosquitto on a free loopback port."""
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import time


def free_port():
    """Below the range that outgoing connections take theirs from: a broker that is killed finds it free again."""
    while True:
        port = random.randrange(15000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def find_mosquitto():
    found = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if not found:
        raise SystemExit("mosquitto is not installed: apt-get install mosquitto")
    return found


def listens(pid, port):
    """Whether somebody in the network namespace of the process listens there."""
    listening = f":{port:04X} 00000000:0000 0A "
    return listening in pathlib.Path(f"/proc/{pid}/net/tcp").read_text()


class Broker:
    """lines: configuration after the listener's; without any everybody is let in. under: a program that runs it, in a
    network namespace say; address: where it listens, then."""

    def __init__(self, folder, name="broker", lines=(), under=(), address="127.0.0.1"):
        self.name = name
        self.under = under
        self.address = address
        self.port = free_port()
        self.folder = pathlib.Path(folder)
        self.conf = self.folder / f"{name}.conf"
        self.log = self.folder / f"{name}.log"
        self.lines = list(lines)
        self.process = None

    def start(self):
        text = [f"listener {self.port} {self.address}", "persistence false", "max_packet_size 16777216",
                "set_tcp_nodelay true", "max_queued_messages 10000"]
        if os.geteuid() == 0:
            text.append("user root")
        text += self.lines or ["allow_anonymous true"]
        self.conf.write_text("\n".join(text) + "\n")
        self.process = subprocess.Popen([*self.under, find_mosquitto(), "-c", str(self.conf)], stdout=self.log.open("ab"),
                                        stderr=subprocess.STDOUT)
        deadline = time.monotonic() + 10
        while not self._answers():
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise RuntimeError(f"mosquitto did not start: see {self.log}")
            time.sleep(0.02)
        return self

    def _answers(self):
        try:
            if self.under:
                return listens(self.process.pid, self.port)
            socket.create_connection(("127.0.0.1", self.port), 0.2).close()
            return True
        except OSError:
            return False

    def running(self):
        return self.process is not None and self.process.poll() is None

    def stop(self, signum=signal.SIGTERM):
        if self.running():
            self.process.send_signal(signum)
            self.process.wait(10)

    def kill(self):
        self.stop(signal.SIGKILL)

    def freeze(self):
        """Connections stay, nothing moves."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)
