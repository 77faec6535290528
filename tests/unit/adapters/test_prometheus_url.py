"""Where a Prometheus is, and how to log in."""

from pathlib import Path

import pytest

from linnet.adapters.prometheus_url import Credentials, Endpoint


@pytest.mark.parametrize(
    ("url", "base"),
    [
        pytest.param("http://prometheus:9090", "http://prometheus:9090", id="host and port"),
        pytest.param("https://prometheus/", "https://prometheus", id="a slash at the end"),
        pytest.param("http://h/select/0/prometheus/", "http://h/select/0/prometheus", id="a path"),
        pytest.param("http://[::1]:9090", "http://[::1]:9090", id="an IPv6 address"),
        pytest.param(
            "http://me:secret@h:1/p", "http://h:1/p", id="user and password are taken out"
        ),
    ],
)
def test_a_url_is_read(url: str, base: str) -> None:
    endpoint = Endpoint.parse(url)
    assert endpoint.url == base
    assert "secret" not in repr(endpoint)


def test_the_password_of_a_url_may_hold_any_character() -> None:
    credentials = Endpoint.parse(
        "http://me%40home:a%2Fb%3A@h", Credentials(username="x")
    ).credentials
    assert (credentials.username, credentials.password) == ("me@home", "a/b:")


@pytest.mark.parametrize(
    ("url", "says"),
    [
        pytest.param("prometheus:9090", "must begin with http:// or https://", id="no scheme"),
        pytest.param("ftp://secret@prometheus", "must begin with http://", id="another scheme"),
        pytest.param("http://", "name a host", id="no host"),
        pytest.param("http://secret:x@h:99999", "invalid host or port", id="a port too high"),
        pytest.param("http://h/api?token=secret", "no \\? and no #", id="a query"),
        pytest.param("http://h/#secret", "no \\? and no #", id="a fragment"),
    ],
)
def test_what_is_no_url_is_refused_without_repeating_it(url: str, says: str) -> None:
    with pytest.raises(ValueError, match=says) as error:
        Endpoint.parse(url)
    assert "secret" not in str(error.value)


def test_credentials_come_from_the_environment(tmp_path: Path) -> None:
    password = tmp_path / "password"
    credentials = Credentials.from_environment(
        {
            "LINNET_PROMETHEUS_USERNAME": "me",
            "LINNET_PROMETHEUS_PASSWORD_FILE": str(password),
            "LINNET_PROMETHEUS_CA_FILE": "/ca.pem",
        }
    )
    assert credentials == Credentials(
        username="me", password_file=password, ca_file=Path("/ca.pem")
    )
    assert Credentials.from_environment({}) == Credentials()
