"""Where webhooks may be: https, a public address, and nothing in the URL that could mean something else."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prelo.core.errors import Invalid
from prelo.core.receiver import receiver_of, refusal

INSIDE = [
    "127.0.0.1", "127.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254",
    "169.254.170.2", "100.64.0.1", "100.100.100.200", "168.63.129.16", "0.0.0.0", "255.255.255.255",  # noqa: S104  refused, not bound

    "224.0.0.1", "239.1.1.1", "240.0.0.1", "192.0.0.170", "198.18.0.1", "192.88.99.1",
    "::", "::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "64:ff9b::a00:1", "64:ff9b::808:808",
    "64:ff9b:1::1", "2002:7f00:1::", "2002:808:808::1", "2001:0:1::1", "fe80::1", "fec0::1", "fc00::1",
    "fd00:ec2::254", "ff02::1", "100::1", "2001:db8::1", "3fff::1", "5f00::1", "fe80::1%eth0", "nonsense",
]  # fmt: skip
PUBLIC = [
    "8.8.8.8",
    "1.1.1.1",
    "172.15.0.1",
    "172.32.0.1",
    "100.128.0.1",
    "2606:4700::1111",
    "2a00::1",
]


@pytest.mark.parametrize("address", INSIDE)
def test_no_address_inside_is_written_to(address: str):
    assert refusal(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are(address: str):
    assert refusal(address) is None


def test_local_receivers_are_on_loopback_and_nowhere_else():
    assert [a for a in INSIDE if refusal(a, local=True) is None] == ["127.0.0.1", "::1"]


@given(st.ip_addresses())
def test_what_python_does_not_call_global_is_never_written_to(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
):
    if refusal(str(address)) is None:
        assert address.is_global
        assert not address.is_multicast


@pytest.mark.parametrize(
    ("url", "host", "port", "target", "authority"),
    [
        ("https://example.com", "example.com", 443, "/", "example.com"),
        ("https://Example.com:443/a?b=c", "example.com", 443, "/a?b=c", "example.com"),
        ("https://example.com:8443/%20", "example.com", 8443, "/%20", "example.com:8443"),
        ("https://[2606:4700::1111]/x", "2606:4700::1111", 443, "/x", "[2606:4700::1111]"),
        (
            "https://xn--bcher-kva.example./",
            "xn--bcher-kva.example.",
            443,
            "/",
            "xn--bcher-kva.example.",
        ),
    ],
)
def test_a_url_is_read_once_for_all(url: str, host: str, port: int, target: str, authority: str):
    found = receiver_of(url)
    assert (found.host, found.port, found.target) == (host, port, target)
    assert found.authority == authority


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/", "ftp://example.com/", "https:///x", "https://", "", "example.com",
        "https://user@example.com/", "https://user:hunter2@example.com/", "https://example.com@127.0.0.1/",
        "https://127.0.0.1/", "https://[::1]/", "https://[::ffff:127.0.0.1]/", "https://10.0.0.1/",
        "https://169.254.169.254/latest/meta-data", "https://[fe80::1%25eth0]/", "https://example.com:0/",
        "https://example.com:99999/", "https://example.com:x/", "https://exa mple.com/",
        "https://example.com/\r\nX: y", "https://example.com\\@10.0.0.1/", "https://bücher.example/",
        "https://example.com/#part", "https://-example.com/", "https://example..com/",
        "https://example.com/" + "a" * 2048, "https://[::1", "file:///etc/passwd", "https://\t127.0.0.1/",
    ],
)  # fmt: skip
def test_a_url_that_could_lead_elsewhere_is_refused_and_not_repeated(url: str):
    with pytest.raises(Invalid) as refused:
        receiver_of(url)
    assert refused.value.errors[0].pointer == "/url"
    assert "hunter2" not in refused.value.detail


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/x", "http://localhost:9/", "http://[::1]:9/", "https://127.0.0.1/"]
)
def test_with_local_receivers_this_machine_may_be_told_without_tls(url: str):
    assert receiver_of(url, local=True)
    with pytest.raises(Invalid):
        receiver_of(url)


@pytest.mark.parametrize("url", ["http://example.com/", "http://10.0.0.1/", "https://10.0.0.1/"])
def test_with_local_receivers_nobody_else_is(url: str):
    with pytest.raises(Invalid):
        receiver_of(url, local=True)


@given(text=st.text(max_size=60), secure=st.booleans())
def test_any_text_is_a_receiver_or_a_sentence(text: str, *, secure: bool):
    try:
        found = receiver_of(("https://" if secure else "") + text)
    except Invalid:
        return
    assert found.scheme == "https"
    assert found.target.isprintable()
    assert set(found.host).isdisjoint("@/\\?# %")
