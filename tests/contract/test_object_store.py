"""What the portal relies on in an S3 store, tried on each server it is tested with."""

import base64
import time
import uuid

import google_crc32c
import httpx
import pytest

from tests.contract.conftest import ORIGIN
from vsaas.common.object_store import ObjectExists, ObjectNotFound, ObjectStoreError

BODY = bytes(range(256)) * 64


def crc(data: bytes) -> str:
    return base64.b64encode(google_crc32c.value(data).to_bytes(4, "big")).decode()


def name(folder: str = "t") -> str:
    return f"{folder}/{uuid.uuid4()}"


def upload(grant, body: bytes, **changes) -> httpx.Response:
    headers = {key: value for key, value in (grant.headers | changes).items() if value is not None}
    return httpx.put(grant.url, content=body, headers=headers)


def granted(store, body: bytes = BODY, expires_s: int = 60):
    where = name()
    return where, store.presign_put(where, len(body), crc(body), expires_s)


def test_a_grant_stores_exactly_its_bytes(store):
    where, grant = granted(store)
    assert upload(grant, BODY).status_code == 200
    seen = store.head(where)
    assert (seen.size, seen.crc32c_b64) == (len(BODY), crc(BODY))
    assert seen.version_id
    assert store.get_range(where, version_id=seen.version_id) == BODY


def test_an_altered_body_is_refused(store):
    where, grant = granted(store)
    altered = b"\xff" + BODY[1:]
    assert upload(grant, altered).status_code == 400
    with pytest.raises(ObjectNotFound):
        store.head(where)


def test_an_altered_body_with_its_own_checksum_is_refused(store):
    where, grant = granted(store)
    altered = b"\xff" + BODY[1:]
    assert upload(grant, altered, **{"x-amz-checksum-crc32c": crc(altered)}).status_code in (400, 403)
    with pytest.raises(ObjectNotFound):
        store.head(where)


def test_a_longer_body_is_refused(store):
    where, grant = granted(store)
    longer = BODY + b"more"
    assert upload(grant, longer, **{"Content-Length": str(len(longer))}).status_code in (400, 403)
    with pytest.raises(ObjectNotFound):
        store.head(where)


@pytest.mark.parametrize("header", ["x-amz-checksum-crc32c", "If-None-Match"])
def test_a_missing_header_is_refused(store, header):
    where, grant = granted(store)
    assert upload(grant, BODY, **{header: None}).status_code in (400, 403)
    with pytest.raises(ObjectNotFound):
        store.head(where)


def test_a_second_upload_is_told_the_object_exists(store):
    where, grant = granted(store)
    assert upload(grant, BODY).status_code == 200
    before = store.head(where).version_id
    assert upload(grant, BODY).status_code == 412
    assert store.head(where).version_id == before


def test_an_expired_grant_is_refused(store):
    where, grant = granted(store, expires_s=1)
    deadline = time.time() + 2
    while time.time() < deadline:
        # Only the server's clock ends a grant.
        time.sleep(0.1)
    assert upload(grant, BODY).status_code == 403
    with pytest.raises(ObjectNotFound):
        store.head(where)


def test_a_grant_opens_no_other_name(store):
    where, grant = granted(store)
    other = name()
    url = grant.url.replace(where, other)
    assert url != grant.url
    assert httpx.put(url, content=BODY, headers=grant.headers).status_code == 403
    store.put(other, b"secret")
    version = store.head(other).version_id
    store.put(where, b"mine")
    mine = store.presign_get(where, store.head(where).version_id, 60)
    assert httpx.get(mine.url).content == b"mine"
    assert httpx.get(mine.url.replace(where, other)).status_code == 403
    assert httpx.get(mine.url.replace(store.head(where).version_id, version)).status_code == 403


def test_a_put_grant_does_not_read_and_a_get_grant_does_not_write(store):
    where, grant = granted(store)
    store.put(where, BODY)
    assert httpx.request("GET", grant.url, headers=grant.headers, content=BODY).status_code == 403
    assert httpx.get(grant.url).status_code in (400, 403)
    read = store.presign_get(where, None, 60)
    assert httpx.put(read.url, content=BODY).status_code == 403
    assert httpx.delete(read.url).status_code == 403


def test_without_a_grant_nothing_is_given(s3, store):
    where = name()
    store.put(where, BODY)
    assert httpx.get(f"{s3.endpoint}/footage/{where}").status_code == 403
    assert httpx.get(f"{s3.endpoint}/footage").status_code == 403


def test_a_range_is_read_by_grant_and_by_the_portal(store):
    where = name()
    version = store.put(where, BODY)
    url = store.presign_get(where, version, 60).url
    reply = httpx.get(url, headers={"Range": "bytes=100-299"})
    assert (reply.status_code, reply.content) == (206, BODY[100:300])
    assert reply.headers["Content-Range"] == f"bytes 100-299/{len(BODY)}"
    assert store.get_range(where, 100, 200, version) == BODY[100:300]
    assert store.get_range(where, len(BODY) - 5) == BODY[-5:]


def test_a_listing_names_objects_with_their_sizes_in_order(store):
    folder = name("list")
    names = [f"{folder}/{number:02d}" for number in range(7)]
    for number, each in enumerate(names):
        store.put(each, b"x" * number)
    assert [(item.name, item.size) for item in store.list_prefix(f"{folder}/")] == [
        (each, number) for number, each in enumerate(names)
    ]
    assert [item.name for item in store.list_prefix(f"{folder}/", after=names[4])] == names[5:]


def test_a_long_listing_is_given_whole(store):
    folder = name("long")
    names = [f"{folder}/{number:04d}" for number in range(1005)]
    for each in names:
        store.put(each, b"")
    assert [item.name for item in store.list_prefix(f"{folder}/")] == names


def test_an_older_version_stays_readable_and_deleting_it_leaves_the_other(store):
    where = name()
    first = store.put(where, b"first")
    second = store.put(where, b"second", replace=True)
    assert first != second
    assert store.get_range(where, version_id=first) == b"first"
    assert httpx.get(store.presign_get(where, first, 60).url).content == b"first"
    assert {item.version_id for item in store.list_versions(where)} == {first, second}
    store.delete(where, first)
    assert [item.version_id for item in store.list_versions(where)] == [second]
    with pytest.raises(ObjectNotFound):
        store.get_range(where, version_id=first)
    assert store.get_range(where) == b"second"


def test_deleting_the_only_version_frees_the_name(store):
    where = name()
    version = store.put(where, BODY)
    store.delete(where, version)
    store.delete(where, version)
    assert list(store.list_versions(where)) == []
    with pytest.raises(ObjectNotFound):
        store.head(where)


def test_the_portal_never_replaces_by_accident(store):
    where = name()
    store.put(where, b"first")
    with pytest.raises(ObjectExists):
        store.put(where, b"second")
    assert store.get_range(where) == b"first"


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_the_portals_origin_may_read_ranges_and_upload_and_no_other_may(store, method):
    where = name()
    url = store.presign_get(where, None, 60).url

    def preflight(origin):
        headers = {
            "Origin": origin,
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": "range",
        }
        return httpx.options(url, headers=headers)

    allowed = preflight(ORIGIN)
    assert allowed.status_code in (200, 204)
    assert allowed.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert method in allowed.headers["Access-Control-Allow-Methods"]
    assert "range" in allowed.headers["Access-Control-Allow-Headers"].lower()
    assert "Access-Control-Allow-Origin" not in preflight("https://elsewhere.example").headers


def test_a_browser_sees_the_headers_it_needs(store):
    where = name()
    version = store.put(where, BODY)
    url = store.presign_get(where, version, 60).url
    reply = httpx.get(url, headers={"Origin": ORIGIN, "Range": "bytes=0-9"})
    assert reply.status_code == 206
    assert reply.headers["Access-Control-Allow-Origin"] == ORIGIN
    exposed = {each.strip().lower() for each in reply.headers["Access-Control-Expose-Headers"].split(",")}
    assert exposed & {"*"} or {"content-range", "content-length"} <= exposed


def test_preparing_the_bucket_again_changes_nothing(store):
    where = name()
    version = store.put(where, BODY)
    store.ensure_bucket(ORIGIN)
    assert store.head(where).version_id == version


def test_a_store_that_is_away_is_named_as_the_cause(s3):
    away = s3.__class__(s3.kind, "http://127.0.0.1:9", s3.access_key, s3.secret_key).store("footage")
    with pytest.raises(ObjectStoreError, match="cannot look up object gone: the store cannot be reached"):
        away.head("gone")


def test_wrong_credentials_are_refused(s3):
    wrong = s3.__class__(s3.kind, s3.endpoint, s3.access_key, "wrong" * 6).store("footage")
    with pytest.raises(ObjectStoreError, match="the store answered"):
        wrong.put(name(), b"x")


@pytest.mark.parametrize("expires_s", [0, -1, 8 * 24 * 3600])
def test_a_grant_without_a_sound_lifetime_is_not_made(store, expires_s):
    with pytest.raises(ObjectStoreError, match="not a lifetime"):
        store.presign_get("any", None, expires_s)
