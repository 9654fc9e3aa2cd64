from collections.abc import Iterator

import pytest

from tests.s3_servers import S3Server, run_s3

ORIGIN = "https://portal.example"


@pytest.fixture(scope="session", params=["versitygw", "minio"])
def s3(request, tmp_path_factory) -> Iterator[S3Server]:
    folder = tmp_path_factory.mktemp(request.param)
    with run_s3(request.param, folder, ORIGIN) as server:
        yield server


@pytest.fixture(scope="session")
def store(s3):
    store = s3.store("footage")
    store.ensure_bucket(ORIGIN)
    return store
