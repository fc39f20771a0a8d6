"""The page as it is sent: complete, our own, and under a strict policy."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from fastapi.testclient import TestClient

from itrack.errors import FixConfiguration
from itrack.settings import Settings, load_settings
from live_map.app import create_app
from live_map.headers import content_security_policy, tiles_source
from live_map.page import STATIC, render_page

_ADDRESSES = {"src", "href", "action", "data", "poster", "srcset"}


class _Reader(HTMLParser):
    """Collects what the page refers to and what a strict policy would refuse."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.inline: list[str] = []
        self.nonces: list[str | None] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.addresses += [value for name, value in attrs if name in _ADDRESSES and value]
        self.inline += [f"{tag} {name}" for name in values if name == "style" or name.startswith("on")]
        if tag == "style":
            self.inline.append("style")
        if tag == "script" and "src" not in values:
            self.nonces.append(values.get("nonce"))


def read(settings: Settings) -> _Reader:
    """The page of these settings, read."""
    reader = _Reader()
    reader.feed(render_page(settings, "the-nonce"))
    return reader


@pytest.fixture
def client() -> TestClient:
    """The application without its background work, asked as 127.0.0.1."""
    return TestClient(create_app(load_settings(mongodb_port=1)), base_url="http://127.0.0.1:21080")


def test_the_page_refers_to_nothing_elsewhere() -> None:
    """No request may leave for another host: the map works offline and tells nobody who looks at it."""
    addresses = read(load_settings()).addresses
    assert len(addresses) > 5
    assert [each for each in addresses if not re.match(r"(/static/|#)", each)] == []


def test_everything_that_the_page_refers_to_is_there(client: TestClient) -> None:
    """Each script, style and picture of the page is served."""
    for address in read(load_settings()).addresses:
        if address.startswith("/static/"):
            assert client.get(address).status_code == 200, address


@pytest.mark.parametrize("path", sorted((STATIC / "js").glob("*.js")) + sorted((STATIC / "css").glob("*.css")))
def test_our_scripts_and_styles_refer_to_nothing_elsewhere(path: object) -> None:
    """Neither a script nor a style sheet of ours fetches from another host or writes text as HTML."""
    text = open(str(path), encoding="utf-8").read()  # noqa: PTH123, SIM115
    assert not re.search(r"https?://|//cdn|@import|innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", text)


def test_only_the_one_script_with_the_nonce_is_inline() -> None:
    """The script of folium carries the nonce of the answer; there is no other inline script, handler or style."""
    page = read(load_settings())
    assert page.nonces == ["the-nonce"]
    assert page.inline == []


def test_the_policy_names_the_nonce_and_never_unsafe(client: TestClient) -> None:
    """Each answer has a nonce of its own, and the policy allows nothing unsafe."""
    first, second = client.get("/"), client.get("/")
    policy = first.headers["content-security-policy"]
    nonce = re.search(r"'nonce-([\w-]{20,})'", policy)
    assert nonce is not None
    assert f'nonce="{nonce[1]}"' in first.text
    assert nonce[1] not in second.text
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy


def test_every_answer_is_guarded(client: TestClient) -> None:
    """Data is never stored by a browser, types are not guessed, and addresses are not told to others."""
    for path in ("/", "/api/track/main:1?from=2026-01-01T00:00:00Z&to=2027-01-01T00:00:00Z", "/nowhere"):
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["cache-control"] == "no-store"
        assert "default-src 'none'" in headers["content-security-policy"]
    assert client.get("/static/icon.svg").headers["cache-control"] == "no-cache"


def test_a_foreign_host_name_gets_nothing(client: TestClient) -> None:
    """A name that was bent to this address by DNS is refused."""
    assert client.get("/", headers={"Host": "evil.example"}).status_code == 400


def test_documentation_pages_of_the_framework_are_off(client: TestClient) -> None:
    """FastAPI's own pages load from other hosts."""
    assert client.get("/docs").status_code == client.get("/redoc").status_code == 404


def test_metrics_are_for_this_machine_only(client: TestClient) -> None:
    """Who asks from another address learns nothing about the inside."""
    assert client.get("/metrics").status_code == 404
    here = TestClient(client.app, base_url="http://127.0.0.1:21080", client=("127.0.0.1", 50000))
    assert "itrack_map_clients" in here.get("/metrics").text


@pytest.mark.parametrize(
    ("template", "source"),
    [
        ("https://tiles.example.org/{z}/{x}/{y}.png", "https://tiles.example.org"),
        ("https://{s}.tiles.example.org:8443/{z}/{x}/{y}.png?k=1", "https://*.tiles.example.org:8443"),
        ("/tiles/{z}/{x}/{y}.png", "'self'"),
    ],
)
def test_tiles_widen_the_policy_for_pictures_only(template: str, source: str) -> None:
    """With tiles, pictures may come from their server, and nothing else may."""
    policy = dict(part.split(" ", 1) for part in content_security_policy("n", template).split("; "))
    assert source in policy["img-src"].split()
    assert "example" not in " ".join(value for name, value in policy.items() if name != "img-src")


@pytest.mark.parametrize(
    "template", ["javascript:alert(1)", "//x/{z}", "https://a b/", "https://x;script-src *", "tiles"]
)
def test_an_address_that_is_none_is_a_sentence(template: str) -> None:
    """A wrong template stops the map at once and cannot smuggle anything into the policy."""
    with pytest.raises(FixConfiguration, match="ITRACK_MAP_TILES_URL"):
        tiles_source(template)


def test_the_attribution_of_tiles_is_text() -> None:
    """Leaflet shows attributions as HTML, so that they are escaped before."""
    settings = load_settings(map_tiles_url="/t/{z}/{x}/{y}.png", map_tiles_attribution="<script>alert(1)</script>")
    page = render_page(settings, "n")
    assert "<script>alert" not in page
    assert "alert(1)" in page


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("2026-05-04T00:00:00Z", "2026-06-04T00:00:00Z"),
        ("2026-05-04T00:00:00Z", "2026-05-03T00:00:00Z"),
        ("2026-05-04T00:00:00", "2026-05-04T01:00:00"),
        ("yesterday", "today"),
        ("9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"),
    ],
)
def test_a_wrong_range_is_refused(client: TestClient, first: str, last: str) -> None:
    """A range that is too long, turned around, without a zone or no time at all is told so."""
    query = {"from": first, "to": last}
    assert client.get("/api/track/main:1", params=query).status_code == 422
