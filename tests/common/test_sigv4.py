import datetime
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from botocore.config import Config
from hypothesis import given, settings
from hypothesis import strategies as st

from vsaas.common.sigv4 import Presigner

ACCESS, SECRET, REGION = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "eu-central-1"
names = st.text(
    st.characters(min_codepoint=33, max_codepoint=0x2FF, exclude_characters="\x7f"), min_size=1
).filter(lambda name: not name.startswith("/") and "//" not in name and "." not in name)


@pytest.fixture(scope="module", params=["http://127.0.0.1:9000", "https://s3.example", "http://[::1]:9000"])
def both(request):
    config = Config(
        signature_version="s3v4",
        s3={"addressing_style": "path"},
        request_checksum_calculation="when_required",
    )
    boto = boto3.session.Session().client(
        "s3",
        endpoint_url=request.param,
        region_name=REGION,
        aws_access_key_id=ACCESS,
        aws_secret_access_key=SECRET,
        config=config,
    )
    return boto, request.param


def ours(endpoint: str, theirs: str) -> Presigner:
    """A signer whose clock stands where boto's stood."""
    stamp = parse_qs(urlsplit(theirs).query)["X-Amz-Date"][0]
    moment = datetime.datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.UTC)
    return Presigner(
        endpoint=endpoint,
        region=REGION,
        bucket="footage",
        access_key=ACCESS,
        secret_key=SECRET,
        now=lambda: moment,
    )


@settings(max_examples=30, deadline=None)
@given(name=names, size=st.integers(0, 2**40), expires_s=st.integers(1, 604_800))
def test_a_put_is_signed_as_boto_signs_it(both, name, size, expires_s):
    boto, endpoint = both
    params = {
        "Bucket": "footage",
        "Key": name,
        "ContentLength": size,
        "ChecksumCRC32C": "AAAAAA==",
        "IfNoneMatch": "*",
    }
    theirs = boto.generate_presigned_url("put_object", Params=params, ExpiresIn=expires_s)
    headers = {"Content-Length": str(size), "x-amz-checksum-crc32c": "AAAAAA==", "If-None-Match": "*"}
    assert ours(endpoint, theirs).url("PUT", name, expires_s, headers=headers) == theirs


@settings(max_examples=30, deadline=None)
@given(
    name=names,
    version=st.one_of(st.none(), st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1)),
)
def test_a_get_is_signed_as_boto_signs_it(both, name, version):
    boto, endpoint = both
    params = {"Bucket": "footage", "Key": name} | ({} if version is None else {"VersionId": version})
    theirs = boto.generate_presigned_url("get_object", Params=params, ExpiresIn=60)
    query = {} if version is None else {"versionId": version}
    assert ours(endpoint, theirs).url("GET", name, 60, query=query) == theirs


def test_the_signing_key_changes_with_the_day():
    moments = iter(
        [
            datetime.datetime(2026, 1, 1, 23, 59, 59, tzinfo=datetime.UTC),
            datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC),
        ]
    )
    signer = Presigner(
        endpoint="http://s3.example",
        region=REGION,
        bucket="b",
        access_key=ACCESS,
        secret_key=SECRET,
        now=lambda: next(moments),
    )
    signer.url("GET", "a", 60)
    fresh = Presigner(
        endpoint="http://s3.example",
        region=REGION,
        bucket="b",
        access_key=ACCESS,
        secret_key=SECRET,
        now=lambda: datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC),
    )
    assert signer.url("GET", "a", 60) == fresh.url("GET", "a", 60)
