"""RTSP addresses as people type them."""

from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.camera_source import check_url
from vsaas.cameras.addresses import join_credentials, split_credentials, with_scheme


@pytest.mark.parametrize(
    ("typed", "parts"),
    [
        ("rtsp://10.0.0.7/main", ("rtsp://10.0.0.7/main", "", "")),
        ("rtsp://admin:pass@10.0.0.7:554/main", ("rtsp://10.0.0.7:554/main", "admin", "pass")),
        ("admin:p%40ss@10.0.0.7/main", ("10.0.0.7/main", "admin", "p@ss")),
        ("rtsp://admin:p@ss@10.0.0.7/main", ("rtsp://10.0.0.7/main", "admin", "p@ss")),
        ("rtsps://admin@[2001:db8::1]/x?a=b@c", ("rtsps://[2001:db8::1]/x?a=b@c", "admin", "")),
        ("rtsp://10.0.0.7/user=x@y", ("rtsp://10.0.0.7/user=x@y", "", "")),
        ("", ("", "", "")),
    ],
)
def test_credentials_are_taken_out_of_an_address(typed: str, parts: tuple[str, str, str]) -> None:
    assert split_credentials(typed) == parts


def test_rtsp_is_meant_where_no_scheme_is_named() -> None:
    assert with_scheme(" 10.0.0.7/x ") == "rtsp://10.0.0.7/x"
    assert with_scheme("rtsps://h/x") == "rtsps://h/x"
    assert with_scheme("") == ""


@given(user=st.text(min_size=1, max_size=30).filter(str.strip), password=st.text(max_size=60))
def test_whatever_user_and_password_hold_arrives(user: str, password: str) -> None:
    try:
        user.encode(), password.encode()
    except UnicodeEncodeError:
        return
    url = join_credentials("rtsp://10.0.0.7:554/main", user, password)
    check_url(url)
    parts = urlsplit(url)
    assert (unquote(parts.username or ""), unquote(parts.password or "")) == (user, password)
    assert split_credentials(url) == ("rtsp://10.0.0.7:554/main", user, password)
