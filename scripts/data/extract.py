#!/usr/bin/env python3
"""Makes the sensor readings in this folder from the npm package vega-datasets.

    scripts/data/extract.py            fetches the pinned package with npm into a temporary folder
    scripts/data/extract.py FOLDER     takes a package that is already unpacked

The same package gives the same bytes: run it and `git diff` shows nothing. Each file it writes is
named after an MQTT topic, holds one JSON payload on each line, and is in order of time.
"""

import csv
import hashlib
import json
import pathlib
import subprocess
import sys
import tarfile
import tempfile

PACKAGE = "vega-datasets@3.2.1"
SHA256 = {
    "earthquakes.json": "a42702a83ffbae679f95d1fa53e2cae0bae13b21e599a68cdd50a44fc52129f7",
    "seattle-weather-hourly-normals.csv": "3433511ab963755ec1a573420af962e713e66691c07c068f5a247e6891912311",
    "seattle-weather.csv": "0845078a290b48e3149ab8639966824110a251db4e06fc144c06ebb534af23be",
}
HERE = pathlib.Path(__file__).resolve().parent


def fetch(folder: pathlib.Path) -> pathlib.Path:
    subprocess.run(
        ["npm", "pack", "--silent", PACKAGE], cwd=folder, check=True, stdout=subprocess.DEVNULL
    )
    (archive,) = folder.glob("*.tgz")
    with tarfile.open(archive) as tar:
        for name in SHA256:
            tar.extract(f"package/data/{name}", folder)
    return folder / "package"


def source(package: pathlib.Path, name: str) -> str:
    data = (package / "data" / name).read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != SHA256[name]:
        sys.exit(f"{name}: sha256 is {found}, and this extract is of {SHA256[name]}")
    return data.decode("utf-8")


def write(mqtt_topic: str, payloads: list[str]) -> int:
    path = HERE / f"{mqtt_topic}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    data = "".join(payload + "\n" for payload in payloads).encode("ascii")
    path.write_bytes(data)
    print(f"{mqtt_topic:24} {len(payloads):6} events {len(data):8} bytes")
    return len(data)


def earthquakes(package: pathlib.Path) -> int:
    """One MQTT topic for each seismic network that reported."""
    by_network: dict[str, list[str]] = {}
    features = json.loads(source(package, "earthquakes.json"))["features"]
    for feature in sorted(features, key=lambda f: (f["properties"]["time"], f["id"])):
        properties = feature["properties"]
        lon, lat, depth = feature["geometry"]["coordinates"]
        event = {
            "id": feature["id"],
            "time": properties["time"],
            "mag": properties["mag"],
            "mag_type": properties["magType"],
            "lon": lon,
            "lat": lat,
            "depth": depth,
            "place": properties["place"],
            "type": properties["type"],
        }
        payload = json.dumps(event, separators=(",", ":"))
        by_network.setdefault(properties["net"], []).append(payload)
    return sum(write(f"usgs/quake/{net}", by_network[net]) for net in sorted(by_network))


def rows(package: pathlib.Path, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(source(package, name).splitlines()))


def numbers(row: dict[str, str], columns: list[str]) -> str:
    """As JSON members, with the digits that the source has."""
    return ",".join(f'"{column}":{row[column]}' for column in columns)


def weather_by_hour(package: pathlib.Path) -> int:
    """A normal is the mean of thirty years: the year that the source writes means nothing."""
    columns = ["pressure", "temperature", "wind"]
    payloads = [
        f'{{"hour":"{row["date"].removeprefix("2010-").removesuffix(":00")}",'
        f"{numbers(row, columns)}}}"
        for row in rows(package, "seattle-weather-hourly-normals.csv")
    ]
    return write("noaa/seattle/hourly", payloads)


def weather_by_day(package: pathlib.Path) -> int:
    columns = ["precipitation", "temp_max", "temp_min", "wind"]
    payloads = [
        f'{{"date":"{row["date"]}",{numbers(row, columns)}}}'
        for row in rows(package, "seattle-weather.csv")
    ]
    return write("noaa/seattle/daily", payloads)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        package = pathlib.Path(sys.argv[1]) if sys.argv[1:] else fetch(pathlib.Path(folder))
        total = earthquakes(package) + weather_by_hour(package) + weather_by_day(package)
    print(f"{'total':38} {total:8} bytes")


if __name__ == "__main__":
    main()
