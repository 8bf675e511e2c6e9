"""The demo's view of the tiers: a table that is redrawn on a terminal, plain lines elsewhere."""
import sys
import threading
import time

HEADER = f"{'':<14} {'items':>7}   {'uplink':<10} {'pending':>8} {'lag':>8}   {'parent has':>10} {'cloud has':>10} {'of changes':>11}"
COLOURS = {"bold": "1", "green": "32", "red": "31", "yellow": "33", "dim": "2"}


def age(ms):
    return f"{ms / 1000:.1f} s" if ms < 100_000 else f"{ms / 60_000:.0f} min"


class View:
    """nodes: [(label, node)], from the top of the tree down. say: a line of the story, kept above the table."""

    def __init__(self, out=sys.stdout):
        self.nodes = []
        self.out = out
        self.live = out.isatty()
        self.started = time.monotonic()
        self.lines_drawn = 0
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join(10)
        self.draw()

    def paint(self, colour, text):
        return f"\033[{COLOURS[colour]}m{text}\033[0m" if self.live else text

    def say(self, text, verdict=None):
        """verdict: True or False for the outcome of a check."""
        mark = "" if verdict is None else self.paint("green", "ok      ") if verdict else self.paint("red", "FAILED  ")
        with self.lock:
            self._erase()
            print(f"{self.paint('dim', f'[{time.monotonic() - self.started:5.1f} s]')} {mark}{text}", file=self.out, flush=True)

    def draw(self):
        rows = [self._row(label, node) for label, node in self.nodes]
        if not rows:
            return
        with self.lock:
            self._erase()
            lines = [self.paint("bold", HEADER)] + rows
            print("\n".join(lines), file=self.out, flush=True)
            self.lines_drawn = len(lines) if self.live else 0

    def _erase(self):
        if self.lines_drawn:
            self.out.write(f"\033[{self.lines_drawn}A\033[J")
            self.lines_drawn = 0

    def _row(self, label, node):
        try:
            status = node.status()
        except Exception:  # killed, or not ready yet
            return f"{label:<14} {'-':>7}   {self.paint('red', 'not running')}"
        link = next((one for one in status["links"] if one["is_parent"]), None)
        if link is None:
            return f"{label:<14} {status['items']:>7}"
        # The watermarks of the lane that is furthest: positions in the node's own order of changes.
        acked = max((lane["acked"] for lane in link["lanes"]), default=0)
        delivered = max((lane["delivered"] for lane in link["lanes"]), default=0)
        state = self.paint("green" if link["state"] == "up" else "yellow", f"{link['state']:<10}")
        return (f"{label:<14} {status['items']:>7}   {state} {link['pending_changes']:>8} "
                f"{age(link['oldest_pending_age_ms']):>8}   {acked:>10} {delivered:>10} {status['head']:>11}")

    def _run(self):
        every_s = 0.5 if self.live else 5.0
        while not self.stopping.wait(every_s):
            self.draw()
