"""What counts as a failed request."""

import pytest

from linnet.analysis.failures import failed, missing_label


@pytest.mark.parametrize(
    ("labels", "fails"),
    [
        pytest.param({"response_code": "200"}, False, id="an answer"),
        pytest.param({"response_code": "404"}, False, id="what the caller did wrong"),
        pytest.param({"response_code": "429", "response_flags": "RL"}, False, id="a rate limit"),
        pytest.param({"response_code": "503"}, True, id="a server error"),
        pytest.param({"response_code": "0"}, True, id="no answer"),
        pytest.param({"response_code": "0", "response_flags": "DC"}, True, id="the caller gave up"),
        pytest.param({"response_code": "503", "response_flags": "UF"}, True, id="no connection"),
        pytest.param({"response_code": "200", "response_flags": "UC"}, True, id="cut off"),
        pytest.param(
            {"response_code": "200", "response_flags": "DC,UR"}, True, id="one flag of several"
        ),
        pytest.param({"response_code": "200", "response_flags": "-"}, False, id="no flag"),
        pytest.param({"response_code": "5"}, False, id="no status of HTTP"),
        pytest.param(
            {"response_code": "200", "request_protocol": "grpc", "grpc_response_status": "14"},
            True,
            id="a gRPC server that is unavailable",
        ),
        pytest.param(
            {"response_code": "200", "request_protocol": "grpc", "grpc_response_status": "5"},
            False,
            id="a gRPC caller that asked for nothing known",
        ),
        pytest.param(
            {"response_code": "200", "request_protocol": "http", "grpc_response_status": "14"},
            False,
            id="HTTP has no gRPC status",
        ),
        pytest.param(
            {"response_code": "200", "grpc_response_status": "13"},
            True,
            id="a gRPC status without the protocol's label",
        ),
        pytest.param({}, False, id="nothing known"),
    ],
)
def test_requests(labels: dict[str, str], fails: bool) -> None:
    assert failed(labels) is fails


@pytest.mark.parametrize(
    ("labels", "missing"),
    [
        pytest.param({"response_code": "200"}, "", id="HTTP needs a code"),
        pytest.param({}, "response_code", id="no code"),
        pytest.param(
            {"response_code": "200", "request_protocol": "grpc"},
            "grpc_response_status",
            id="an answered gRPC call has a status",
        ),
        pytest.param(
            {"response_code": "200", "request_protocol": "grpc", "response_flags": "DC"},
            "",
            id="one that was cancelled has none",
        ),
        pytest.param(
            {"response_code": "503", "request_protocol": "grpc"}, "", id="nor one that failed"
        ),
    ],
)
def test_labels_that_are_missing(labels: dict[str, str], missing: str) -> None:
    assert missing_label(labels) == missing
