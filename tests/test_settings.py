"""What an operator sets wrongly is told in a line that names the variable, and nothing is served."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from service.settings import Misconfigured, Settings, read_settings
from tests.serving import ROOT, serving


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    for name in list(os.environ):
        if name.startswith("CONVOLUTION_"):
            monkeypatch.delenv(name)
    return lambda name, value: monkeypatch.setenv(f"CONVOLUTION_{name}", value)


def started(**settings: str) -> tuple[int, str]:
    """Return how the service ends that does not begin, and what it says."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CONVOLUTION_")}
    environment |= {f"CONVOLUTION_{name.upper()}": value for name, value in settings.items()}
    ended = subprocess.run(
        (sys.executable, "-m", "service"), cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )
    return ended.returncode, ended.stderr


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("WORKERS", "0", "CONVOLUTION_WORKERS is '0': .*greater than or equal to 1"),
        ("PORT", "tcp://10.0.0.1:80", "CONVOLUTION_PORT is 'tcp://10.0.0.1:80': .*integer"),
        ("LOG_LEVEL", "loud", "CONVOLUTION_LOG_LEVEL is 'loud': .*'debug'"),
        ("ROOT_PATH", "conv", "CONVOLUTION_ROOT_PATH is 'conv'"),
        ("QUOTA_SECONDS", "x", "CONVOLUTION_QUOTA_SECONDS is 'x'"),
    ],
)
def test_a_value_that_cannot_be_is_named(
    environment: Callable[[str, str], None], name: str, value: str, words: str
) -> None:
    environment(name, value)
    with pytest.raises(Misconfigured, match=words):
        read_settings()


@pytest.mark.parametrize(
    ("name", "value", "field", "read"),
    [
        ("QUOTA_REQUESTS", "", "quota_requests", None),
        ("WORKERS", "", "workers", Settings().workers),
        ("API_KEYS_FILE", "", "api_keys_file", None),
        ("LOG_LEVEL", "WARNING", "log_level", "warning"),
        ("ROOT_PATH", "/", "root_path", ""),
        ("ROOT_PATH", "/conv/", "root_path", "/conv"),
    ],
)
def test_a_value_that_can_be_meant_is_read(
    environment: Callable[[str, str], None], name: str, value: str, field: str, read: object
) -> None:
    environment(name, value)
    assert getattr(read_settings(), field) == read


@pytest.mark.parametrize("content", [b"", b" \n\n", b"\xef\xbb\xbf\n", b"\xff\xfe\n", "clé\n".encode(), b"two words\n"])
def test_a_key_file_without_a_usable_key_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "keys").write_bytes(content)
    with pytest.raises(Misconfigured, match=r"holds no key|not UTF-8|visible ASCII"):
        Settings(api_keys_file=tmp_path / "keys").keys()


@pytest.mark.parametrize("given", [" , ", ","])
def test_keys_that_are_none_do_not_leave_the_service_open(given: str) -> None:
    with pytest.raises(Misconfigured, match="API_KEYS holds no key"):
        Settings(api_keys=given).keys()


def test_a_quota_without_keys_would_count_nothing() -> None:
    with pytest.raises(Misconfigured, match="QUOTA_REQUESTS counts requests by API key, and there are no keys"):
        Settings(quota_requests=5).keys()


def test_a_byte_order_mark_is_not_of_the_first_key(tmp_path: Path) -> None:
    (tmp_path / "keys").write_bytes(b"\xef\xbb\xbffirst\r\nsecond\r\n")
    assert Settings(api_keys_file=tmp_path / "keys").keys() == ["first", "second"]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (
            {"api_keys_file": "/nowhere"},
            r"CONVOLUTION_API_KEYS_FILE, /nowhere, cannot be read: No such file or directory",
        ),
        ({"host": "256.0.0.1"}, r"CONVOLUTION_HOST '256\.0\.0\.1', CONVOLUTION_PORT 8000: cannot listen there: .+"),
    ],
)
def test_it_is_said_in_one_line(settings: dict[str, str], words: str) -> None:
    code, said = started(**settings)
    assert code == 2
    assert re.fullmatch(words + r"\n", said)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_port_that_is_taken_is_not_shared(workers: str) -> None:
    with serving(workers=int(workers)) as service:
        code, said = started(port=str(service.port), workers=workers)
        assert (code, said.rpartition(": ")[2]) == (2, "Address already in use\n")
        assert service.ask("/livez").status == 200


def test_an_address_of_six_groups_is_told_in_brackets() -> None:
    if not socket.has_ipv6:
        pytest.fail("this machine has no IPv6, which the test is about")
    with serving(host="::1") as service:
        assert service.lines[0]["url"] == f"http://[::1]:{service.port}"
