"""The demo's input: real weather readings, real earthquakes as faults, and this machine's own figures."""
import csv
import datetime
import json
import pathlib
import time

DATA = pathlib.Path(__file__).resolve().parent.parent.parent / "tests" / "data"


def weather(path=DATA / "weather-hourly.csv"):
    """One Reading for each hour."""
    with open(path, newline="") as rows:
        return [{"station": "seattle", "time": row["date"] + ".000Z", "pressure": float(row["pressure"]),
                 "temperature": float(row["temperature"]), "wind": float(row["wind"])} for row in csv.DictReader(rows)]


def iso(unix_ms):
    moment = datetime.datetime.fromtimestamp(unix_ms / 1000, datetime.timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{unix_ms % 1000:03d}Z"


def severity(magnitude):
    for limit, name in ((2.0, "info"), (4.0, "warn"), (5.5, "error"), (7.0, "critical")):
        if magnitude is None or magnitude < limit:
            return name
    return "fatal"


def earthquakes(device, path=DATA / "earthquakes.geojson"):
    """(unix ms, "create" | "update", Fault): created as automatic at its time; a reviewed one is updated at
    `updated`."""
    events = []
    for feature in json.loads(pathlib.Path(path).read_text())["features"]:
        quake = feature["properties"]
        key = {"device": device, "id": feature["id"]}
        fault = {**key, "time": iso(quake["time"]), "severity": severity(quake["mag"]), "source": quake["net"],
                 "subject": quake["type"], "message": quake["title"], "review": "automatic"}
        if quake["mag"] is not None:
            fault["magnitude"] = quake["mag"]
        events.append((quake["time"], "create", fault))
        if quake["status"] == "reviewed":
            events.append((max(quake["updated"], quake["time"] + 1), "update", {**key, "review": "reviewed"}))
    events.sort(key=lambda event: event[0])
    return events


def machine_metrics(host):
    """Live readings of this machine from /proc."""
    now = iso(int(time.time() * 1000))
    load = pathlib.Path("/proc/loadavg").read_text().split()
    memory = dict(line.split(":") for line in pathlib.Path("/proc/meminfo").read_text().splitlines())
    uptime = pathlib.Path("/proc/uptime").read_text().split()[0]
    values = {"load1": float(load[0]), "load5": float(load[1]), "uptime_s": float(uptime),
              "mem_available_kib": int(memory["MemAvailable"].split()[0]),
              "mem_total_kib": int(memory["MemTotal"].split()[0])}
    return [{"host": host, "name": name, "value": value, "time": now} for name, value in values.items()]
