"""Builds the image, runs it locked down, and asks of it what a deployment would.

A program of the standard library alone, started by `scripts/container`: where there is Docker there need be no .venv.
The root filesystem is read-only and nothing writable is mounted, so an upload that touched the disk would fail.
"""

from __future__ import annotations

import json
import random
import re
import struct
import subprocess
import sys
import time
import zlib
from array import array
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
IMAGE = "convolution-service"
LOCKED_DOWN = (
    *("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
    *("--memory", "512m", "--pids-limit", "64"),
)
MAX_LAYERS_MB = 180
FIRST_ANSWER_AIM_S, FIRST_ANSWER_LIMIT_S = 2, 10  # the aim is for a machine at rest; a busy one gets the limit
MAX_STOP_S = 1
COLUMN_DIFFERENCE = [[1, 0, -1]] * 3


class CheckFailed(Exception):
    """What was seen and what should have been."""


class Answer(NamedTuple):
    """One HTTP answer, read whole."""

    status: int
    headers: dict[str, str]
    body: bytes


def expect(condition: bool, message: str) -> None:
    """Raise CheckFailed with `message` unless `condition` holds."""
    if not condition:
        raise CheckFailed(message)


def docker(*arguments: str) -> str:
    """Run one docker command in the repository and return what it printed; its errors go to the terminal."""
    return subprocess.run(
        ("docker", *arguments), cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
    ).stdout.strip()


def inspect(name: str) -> Any:
    """Return what Docker knows of an image or a container."""
    return json.loads(docker("inspect", name))[0]


def build() -> str:
    """Build the image; the log is shown only if that fails."""
    log = subprocess.run(
        ("docker", "build", "--tag", IMAGE, "."), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    expect(log.returncode == 0, f"docker build failed:\n{log.stdout}")
    return "the image builds"


def check_image() -> str:
    """Check what stands in the image: its user, its command, and how much it adds to its base."""
    config = inspect(IMAGE)["Config"]
    user = config["User"].split(":")[0]
    expect(user.isdigit() and user != "0", f"the image's user is {config['User']!r}; a number other than 0 is wanted")
    expect(config["Cmd"][0] == "python", f"the command is {config['Cmd']}; python itself must receive the signals")
    expect("Healthcheck" in config, "the image has no HEALTHCHECK")
    base = re.search(r"^ARG PYTHON_IMAGE=(\S+)", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    if base is None:
        raise CheckFailed("the Dockerfile no longer names its base as ARG PYTHON_IMAGE")
    sizes, below = layer_sizes(IMAGE), layer_sizes(base[1])
    added = sum(sizes[: len(sizes) - len(below)]) / 1e6
    expect(added < MAX_LAYERS_MB, f"the layers over {base[1]} hold {added:.0f} MB; at most {MAX_LAYERS_MB} are allowed")
    return f"user {config['User']}, {added:.0f} MB over {base[1]} (at most {MAX_LAYERS_MB})"


def layer_sizes(image: str) -> list[int]:
    """Return the bytes that each step of an image added, the newest first."""
    return [int(size) for size in docker("history", "--human=false", "--format", "{{.Size}}", image).split()]


class Service:
    """The running container, asked over its published port."""

    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Run a new container."""
        self.started = time.monotonic()
        self.container = docker("run", "--detach", *LOCKED_DOWN, "--publish", "127.0.0.1::8000", IMAGE)
        self.port = int(docker("port", self.container, "8000/tcp").splitlines()[0].rpartition(":")[2])

    def remove(self) -> None:
        """Remove the container, running or not."""
        docker("rm", "--force", "--volumes", self.container)

    def ask(self, body: bytes, content_type: str, accept: str = "application/json") -> Answer:
        """POST one body to /v1/conv2d."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("POST", "/v1/conv2d", body, {"Content-Type": content_type, "Accept": accept})
            response = connection.getresponse()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            connection.close()

    def ask_form(self, fields: dict[str, str | bytes], accept: str = "application/json") -> Answer:
        """POST multipart/form-data: text as a text part, bytes as a file."""
        boundary = "a-line-that-no-part-holds"
        parts = []
        for name, value in fields.items():
            file_name = '; filename="upload"' if isinstance(value, bytes) else ""
            head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{file_name}\r\n\r\n'
            parts += [head.encode(), value if isinstance(value, bytes) else value.encode(), b"\r\n"]
        return self.ask(
            b"".join([*parts, f"--{boundary}--\r\n".encode()]), f"multipart/form-data; boundary={boundary}", accept
        )


def check_first_answer(service: Service) -> str:
    """Send the 5x5 ramp until it is answered; nine times -60 is the only right answer."""
    ramp = [[10 * (5 * row + column + 1) for column in range(5)] for row in range(5)]
    body = json.dumps({"input": ramp, "kernel": COLUMN_DIFFERENCE}).encode()
    answer = None
    while answer is None:
        waited = time.monotonic() - service.started
        expect(waited < FIRST_ANSWER_LIMIT_S, f"no answer {waited:.1f} s after docker run")
        try:
            answer = service.ask(body, "application/json")
        except (HTTPException, OSError):
            time.sleep(0.01)  # Docker accepts on the published port before the service listens behind it
    waited = time.monotonic() - service.started
    document = read_json(answer)
    maps, shape = document["feature_maps"], document["output_shape"]
    expect(
        maps == [[-60.0] * 3] * 3 and shape == [3, 3], f"the 5x5 ramp gave {maps} of shape {shape}; nine -60 were due"
    )
    return f"nine -60 after {waited * 1000:.0f} ms from docker run (aim: {FIRST_ANSWER_AIM_S * 1000})"


def read_json(answer: Answer) -> Any:
    """Return the document in a 200 answer."""
    expect(answer.status == 200, f"status {answer.status}: {answer.body[:600].decode(errors='replace')}")
    return json.loads(answer.body)


def check_locked_down(service: Service) -> str:
    """Look from inside: not root, and no writable place for a temporary file."""
    program = "import os, tempfile; print(os.getuid()); tempfile.gettempdir()"
    inside = subprocess.run(
        ("docker", "exec", service.container, "python", "-c", program), capture_output=True, text=True, check=False
    )
    user = inside.stdout.strip()
    expect(user.isdigit() and user != "0", f"the service runs as user {user!r}")
    expect(
        "No usable temporary directory" in inside.stderr, "a temporary file can be written, so uploads prove nothing"
    )
    return f"user {user}, no place for a temporary file"


def check_picture(service: Service) -> str:
    """Send 10 MB of noise as a PNG: kept to the last value by the identity kernel, and drawn again by another."""
    width, height = 1900, 1850
    pixels = random.Random(1).randbytes(3 * width * height)
    picture = png(width, height, pixels)
    shape = f"3,{height},{width}"

    kept = service.ask_form({"input": picture, "kernel": "identity", "padding": "same"}, "application/x-npy")
    expect(kept.status == 200, f"status {kept.status}: {kept.body[:600].decode(errors='replace')}")
    expect(
        kept.headers.get("x-output-shape") == shape,
        f"X-Output-Shape is {kept.headers.get('x-output-shape')}, not {shape}",
    )
    expected = b"".join(array("f", list(pixels[channel::3])).tobytes() for channel in range(3))
    expect(kept.body[-len(expected) :] == expected, "the identity kernel changed the picture")

    fields: dict[str, str | bytes] = {"input": picture, "kernel": "sobel_x", "padding": "same", "range": "absolute"}
    drawn = service.ask_form(fields, "image/png")
    header = drawn.body[:8], drawn.body[16:24]
    expect(
        header == (b"\x89PNG\r\n\x1a\n", struct.pack(">II", width, height)),
        f"no PNG of {width}x{height} came, but status {drawn.status}: {drawn.body[:300]!r}",
    )
    return f"a picture of {len(picture) / 1e6:.1f} MB"


def png(width: int, height: int, pixels: bytes) -> bytes:
    """Return RGB rows as a PNG (ISO/IEC 15948), uncompressed: noise would not shrink."""
    row = 3 * width
    lines = b"".join(b"\0" + pixels[start : start + row] for start in range(0, row * height, row))
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(lines, level=0)),
        (b"IEND", b""),
    )
    framed = (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(framed)


def check_text_part(service: Service) -> str:
    """Send a matrix of 5 MB as a text part of a form; each row is a ramp, so every answer is -6."""
    side = 850
    text = json.dumps([list(range(100_000, 100_000 + side))] * side, separators=(",", ":"))
    document = read_json(service.ask_form({"input": text, "kernel": json.dumps(COLUMN_DIFFERENCE)}))
    expect(
        document["output_shape"] == [side - 2] * 2, f"output_shape is {document['output_shape']}, not {[side - 2] * 2}"
    )
    expect(document["feature_maps"] == [[-6.0] * (side - 2)] * (side - 2), "the ramp's differences are not all -6")
    return f"a JSON text part of {len(text) / 1e6:.1f} MB"


def check_health(service: Service) -> str:
    """Wait until Docker's own health check has passed."""
    status, deadline = "starting", time.monotonic() + 30
    while status == "starting" and time.monotonic() < deadline:
        time.sleep(0.2)
        status = inspect(service.container)["State"]["Health"]["Status"]
    expect(status == "healthy", f"the container is {status}: {inspect(service.container)['State']['Health']['Log']}")
    return "healthy by its HEALTHCHECK"


def check_stop(service: Service) -> str:
    """Stop it with SIGTERM while idle."""
    took = stop(service)
    expect(took < MAX_STOP_S, f"it took {took * 1000:.0f} ms to stop; {MAX_STOP_S * 1000} are allowed")
    return f"stopped by SIGTERM in {took * 1000:.0f} ms (at most {MAX_STOP_S * 1000}), exit code 0"


def stop(service: Service) -> float:
    """Return the seconds that the service takes to end by itself, without a traceback in what it logged."""
    start = time.monotonic()
    docker("stop", "--time", "10", service.container)
    took = time.monotonic() - start
    state = inspect(service.container)["State"]
    expect(not state["OOMKilled"], "it ran out of memory")
    expect(state["ExitCode"] == 0, f"it stopped with exit code {state['ExitCode']}, not 0")
    expect("Traceback" not in logs(service), "its log holds a traceback")
    return took


def logs(service: Service) -> str:
    """Return all that the service has written."""
    command = ("docker", "logs", service.container)
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True).stdout


CHECKS: tuple[Callable[[Service], str], ...] = (
    check_first_answer,
    check_locked_down,
    check_picture,
    check_text_part,
    check_health,
    check_stop,
)


def main() -> int:
    """Run every check in order and stop at the first that fails."""
    service = None
    try:
        print("ok:", build(), flush=True)
        print("ok:", check_image(), flush=True)
        service = Service()
        for check in CHECKS:
            print("ok:", check(service), flush=True)
    except CheckFailed as failure:
        print("FAILED:", failure)
        if service is not None:
            print("its log ends:", *logs(service).splitlines()[-30:], sep="\n  ")
        return 1
    finally:
        if service is not None:
            service.remove()
    return 0


if __name__ == "__main__":
    sys.exit(main())
