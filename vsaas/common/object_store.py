"""The one place where the cloud speaks S3.

Two endpoints: the internal one, which the portal itself calls, and the public one, which goes into grants (the host
is part of what a grant signs). Nothing relies on a bucket's defaults: every write names its conditions, every read
and delete of footage names its version.
"""

import base64
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import boto3
import google_crc32c
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.utils.translation import gettext_lazy as _

from tenants.words import Text, filled
from vsaas.common.errors import ObjectStoreError
from vsaas.common.sigv4 import Presigner

__all__ = [
    "Grant",
    "ObjectExists",
    "ObjectNotFound",
    "ObjectStore",
    "ObjectStoreError",
    "Stored",
    "object_store",
]

MAX_GRANT_S = 7 * 24 * 3600


class ObjectNotFound(ObjectStoreError):
    """The store holds no such object or version."""


class ObjectExists(ObjectStoreError):
    """A write that must not replace anything found the name taken."""


@dataclass(frozen=True)
class Grant:
    """A short-lived permission to put or get one object: `url`, and the `headers` the caller must send unchanged."""

    url: str
    headers: dict[str, str]


@dataclass(frozen=True)
class Stored:
    """What the store says of one object version. `version_id` is None where a listing does not give it."""

    name: str
    size: int
    etag: str
    last_modified: datetime
    version_id: str | None
    crc32c_b64: str | None = None


class ObjectStore:
    """One bucket of an S3 store.

    Every method raises ObjectStoreError (with the name of the object and the store's own code) when the store cannot
    be reached or refuses, and ObjectNotFound where the object or version is not there.
    """

    def __init__(
        self,
        *,
        endpoint: str,
        public_endpoint: str,
        region: str,
        bucket: str,
        access_key: str,
        secret_key: str,
        ca_file: str | None = None,
    ) -> None:
        """`ca_file`: the authority that signed the internal endpoint's certificate, where it is not a public one."""
        self.bucket = bucket
        self._internal = _client(endpoint, region, access_key, secret_key, ca_file)
        self._sign_internal, self._sign_public = (
            Presigner(
                endpoint=address, region=region, bucket=bucket, access_key=access_key, secret_key=secret_key
            )
            for address in (endpoint, public_endpoint)
        )

    # Grants: computed here, no call to the store.

    def presign_put(self, name: str, size_bytes: int, crc32c_b64: str, expires_s: int) -> Grant:
        """A grant to store exactly these bytes under `name` once, on the public endpoint.

        Binds `size_bytes`, the CRC-32C (base64 of its 4 bytes, big-endian) and `If-None-Match: *`: an altered, longer
        or second upload is refused by the store (400, 403, 412).
        """
        headers = {
            "Content-Length": str(size_bytes),
            "x-amz-checksum-crc32c": crc32c_b64,
            "If-None-Match": "*",
        }
        _check_lifetime(name, expires_s)
        return Grant(self._sign_public.url("PUT", name, expires_s, headers=headers), headers)

    def presign_get(self, name: str, version_id: str | None, expires_s: int, *, public: bool = True) -> Grant:
        """A grant to read one object (any Range of it); `version_id` should be named for footage."""
        _check_lifetime(name, expires_s)
        query = {} if version_id is None else {"versionId": version_id}
        signer = self._sign_public if public else self._sign_internal
        return Grant(signer.url("GET", name, expires_s, query=query), {})

    # Calls to the store.

    def check(self) -> None:
        """Asks whether the bucket is there and ours."""
        with _said(filled(_("reach bucket %(bucket)s"), bucket=self.bucket)):
            self._internal.head_bucket(Bucket=self.bucket)

    def list_prefix(self, prefix: str, *, after: str | None = None) -> Iterator[Stored]:
        """The current objects under `prefix`, in name order, starting behind the name `after`.

        Listings carry no version ids: see `list_versions`.
        """
        params: dict[str, Any] = {"Bucket": self.bucket, "Prefix": prefix}
        if after is not None:
            params["StartAfter"] = after
        with _said(filled(_("list objects under %(prefix)s"), prefix=prefix)):
            for page in self._internal.get_paginator("list_objects_v2").paginate(**params):
                for item in page.get("Contents", []):
                    yield _stored(item["Key"], item, None)

    def list_versions(self, prefix: str) -> Iterator[Stored]:
        """Every version (no delete markers) under `prefix`, in name order, with version ids."""
        params = {"Bucket": self.bucket, "Prefix": prefix}
        with _said(filled(_("list versions under %(prefix)s"), prefix=prefix)):
            for page in self._internal.get_paginator("list_object_versions").paginate(**params):
                for item in page.get("Versions", []):
                    yield _stored(item["Key"], item, item.get("VersionId"))

    def head(self, name: str, version_id: str | None = None) -> Stored:
        """Size, checksum and version of one object."""
        with _said(filled(_("look up object %(name)s"), name=name)):
            reply = self._internal.head_object(ChecksumMode="ENABLED", **self._at(name, version_id))
        return Stored(
            name=name,
            size=reply["ContentLength"],
            etag=reply["ETag"].strip('"'),
            last_modified=reply["LastModified"],
            version_id=reply.get("VersionId"),
            crc32c_b64=reply.get("ChecksumCRC32C"),
        )

    def get_range(
        self,
        name: str,
        start: int = 0,
        length: int | None = None,
        version_id: str | None = None,
    ) -> bytes:
        """`length` bytes from `start` (to the end where None; fewer where the object ends before)."""
        params = self._at(name, version_id)
        if length is not None and length <= 0:
            raise ObjectStoreError(
                filled(
                    _("cannot read object %(name)s: length must be above 0, not %(length)s"),
                    name=name,
                    length=length,
                )
            )
        if start or length is not None:
            end = "" if length is None else str(start + length - 1)
            params["Range"] = f"bytes={start}-{end}"
        with _said(filled(_("read object %(name)s"), name=name)):
            body = self._internal.get_object(**params)["Body"]
            data: bytes = body.read()
        return data

    def put(
        self,
        name: str,
        data: bytes,
        *,
        content_type: str = "application/octet-stream",
        replace: bool = False,
    ) -> str | None:
        """Stores `data` and returns its version id; raises ObjectExists when the name is taken, unless `replace`."""
        params: dict[str, Any] = {"Bucket": self.bucket, "Key": name}
        if not replace:
            params["IfNoneMatch"] = "*"
        with _said(filled(_("store object %(name)s"), name=name)):
            reply = self._internal.put_object(
                **params, Body=data, ContentType=content_type, ChecksumCRC32C=_crc32c_b64(data)
            )
        version_id: str | None = reply.get("VersionId")
        return version_id

    def delete(self, name: str, version_id: str) -> None:
        """Removes one version for good; success when it is gone already.

        The version is always named: a delete without one leaves the bytes behind a delete marker.
        """
        with _said(filled(_("delete object %(name)s"), name=name)):
            self._internal.delete_object(**self._at(name, version_id))

    def ensure_bucket(self, cors_origin: str) -> None:
        """Makes the bucket where it is absent, switches versioning on, and lets `cors_origin` GET, HEAD and PUT.

        Idempotent. A store that keeps CORS for the whole server (MinIO) answers NotImplemented: its own setting must
        then name the origin.
        """
        with _said(filled(_("prepare bucket %(bucket)s"), bucket=self.bucket)):
            self._create_bucket()
            self._internal.put_bucket_versioning(
                Bucket=self.bucket, VersioningConfiguration={"Status": "Enabled"}
            )
            try:
                self._internal.put_bucket_cors(Bucket=self.bucket, CORSConfiguration=_cors(cors_origin))
            except ClientError as error:
                if _code(error) != "NotImplemented":
                    raise

    def _create_bucket(self) -> None:
        try:
            self._internal.create_bucket(Bucket=self.bucket)
        except ClientError as error:
            if _code(error) not in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
                raise

    def _at(self, name: str, version_id: str | None) -> dict[str, Any]:
        params: dict[str, Any] = {"Bucket": self.bucket, "Key": name}
        if version_id is not None:
            params["VersionId"] = version_id
        return params


def _check_lifetime(name: str, expires_s: int) -> None:
    if not 0 < expires_s <= MAX_GRANT_S:
        raise ObjectStoreError(
            filled(
                _("cannot grant %(name)s: %(seconds)s s is not a lifetime of a grant"),
                name=name,
                seconds=expires_s,
            )
        )


@lru_cache(maxsize=1)
def object_store() -> ObjectStore:
    """The store the settings name (`VSAAS_S3_*`); one per process, safe to share between threads."""
    from django.conf import settings

    env = settings.ENV
    return ObjectStore(
        endpoint=env.s3_endpoint,
        public_endpoint=env.s3_public_endpoint,
        region=env.s3_region,
        bucket=env.s3_bucket,
        access_key=env.s3_access_key,
        secret_key=env.s3_secret_key.get_secret_value(),
        ca_file=env.ca_file,
    )


def _client(endpoint: str, region: str, access_key: str, secret_key: str, ca_file: str | None) -> Any:
    config = Config(
        signature_version="s3v4",
        s3={"addressing_style": "path"},
        connect_timeout=5,
        read_timeout=30,
        retries={"max_attempts": 3, "mode": "standard"},
        max_pool_connections=32,
        # A grant must carry the checksum we name and no other; calls of our own ask for theirs.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    return boto3.session.Session().client(
        "s3",
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        config=config,
        verify=ca_file,
    )


def _cors(origin: str) -> dict[str, Any]:
    return {
        "CORSRules": [
            {
                "AllowedOrigins": [origin],
                "AllowedMethods": ["GET", "HEAD", "PUT"],
                "AllowedHeaders": ["range", "content-type", "x-amz-checksum-crc32c", "if-none-match"],
                "ExposeHeaders": ["Accept-Ranges", "Content-Length", "Content-Range", "ETag"],
                "MaxAgeSeconds": 3600,
            }
        ]
    }


def _crc32c_b64(data: bytes) -> str:
    return base64.b64encode(google_crc32c.value(data).to_bytes(4, "big")).decode()


def _stored(name: str, item: Mapping[str, Any], version_id: str | None) -> Stored:
    return Stored(
        name=name,
        size=item["Size"],
        etag=item["ETag"].strip('"'),
        last_modified=item["LastModified"],
        version_id=version_id,
    )


def _code(error: ClientError) -> str:
    code: str = error.response.get("Error", {}).get("Code", "")
    return code


@contextmanager
def _said(act: Text) -> Iterator[None]:
    """Turns boto's errors into ours, naming the act; never the URL or the keys."""
    try:
        yield
    except ClientError as error:
        code = _code(error)
        if code in ("404", "NoSuchKey", "NoSuchVersion", "NotFound"):
            raise ObjectNotFound(
                filled(_("cannot %(act)s: the store holds no such object"), act=act)
            ) from error
        if code in ("412", "PreconditionFailed"):
            raise ObjectExists(filled(_("cannot %(act)s: an object of that name exists"), act=act)) from error
        raise ObjectStoreError(
            filled(_("cannot %(act)s: the store answered %(code)s"), act=act, code=code or _("an error"))
        ) from error
    except BotoCoreError as error:
        raise ObjectStoreError(
            filled(
                _("cannot %(act)s: the store cannot be reached (%(error)s)"),
                act=act,
                error=type(error).__name__,
            )
        ) from error
