"""Who gets in, how long they stay, and that nothing is lost when they have to sign in again."""

import io
import re
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
import redis

from services.console.settings import Settings
from shared.settings import SettingsError, read
from tests.unit.console.conftest import AWAY, answering
from tests.unit.console.issuer import CLIENT, running_issuer

QUEUES = {("GET", "/v1/orders/queues"): {"items": []}}


@pytest.fixture(scope="module")
def issuer():
    with running_issuer() as running:
        yield running


@pytest.fixture
def provided(make_console, issuer):
    """A browser at a console whose people come from the issuer, and the tokens that orders was shown."""
    issuer.lifetime, issuer.nonce, issuer.refreshes = 300, None, 0
    orders = answering("orders", QUEUES)
    browser = make_console(
        {"orders": orders},
        oidc_issuer=issuer.address,
        oidc_client_id=CLIENT,
        public_url="https://shop.example",
    )
    browser.orders = orders
    return browser


def sign_in(browser, page="/"):
    """Go the whole way as a browser does: to the issuer, and back with its code."""
    begun = browser.get("/login", query_string={"next": page})
    assert begun.status_code == 302
    answered = httpx2.get(begun.headers["Location"])
    back = urlsplit(answered.headers["Location"])
    return begun, browser.get(f"{back.path}?{back.query}")


def test_the_code_flow_signs_somebody_in_with_their_own_token(provided):
    begun, done = sign_in(provided, "/notices")

    asked = parse_qs(urlsplit(begun.headers["Location"]).query)
    assert asked["response_type"] == ["code"]
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["redirect_uri"] == ["https://shop.example/login/callback"]
    assert (done.status_code, done.headers["Location"]) == (303, "/notices")
    assert "Ines Ray" in provided.get("/").text
    assert provided.orders.asked[0].headers["Authorization"].startswith("Bearer access-")


def test_a_code_that_nobody_here_asked_for_signs_nobody_in(provided):
    answer = provided.get("/login/callback?code=stolen&state=made-up")

    assert answer.status_code == 502
    assert provided.get("/").status_code == 303


def test_an_identity_that_was_not_made_for_this_login_signs_nobody_in(provided, issuer):
    issuer.nonce = "of another login"

    _, done = sign_in(provided)

    assert done.status_code == 502
    assert provided.get("/").status_code == 303


def test_a_provider_that_is_away_is_told_and_not_an_error_of_ours(make_console):
    browser = make_console(oidc_issuer=AWAY, oidc_client_id=CLIENT)

    answer = browser.get("/login")

    assert (answer.status_code, "could not be reached" in answer.text) == (502, True)


def test_a_token_is_renewed_once_for_all_requests_that_come_at_once(provided, issuer):
    issuer.lifetime = 1
    sign_in(provided)
    issuer.lifetime = 300
    cookie = provided.get_cookie("__Host-console").value

    def ask(_):
        browser = provided.application.test_client()
        browser.set_cookie("__Host-console", cookie, secure=True)
        return browser.get("/").status_code

    with ThreadPoolExecutor(4) as pool:
        statuses = list(pool.map(ask, range(4)))

    assert statuses == [200] * 4
    assert issuer.refreshes == 1


def test_the_session_s_id_is_new_once_somebody_has_signed_in(provided):
    provided.get("/login")
    before = provided.get_cookie("__Host-console").value

    sign_in(provided)

    assert provided.get_cookie("__Host-console").value != before
    stranger = provided.application.test_client()
    stranger.set_cookie("__Host-console", before, secure=True)
    assert stranger.get("/").status_code == 303


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(provided):
    answer = provided.get("/login")

    [cookie] = answer.headers.getlist("Set-Cookie")
    assert cookie.startswith("__Host-console=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
    assert "Domain" not in cookie


def test_what_is_stored_opens_no_session(helen, valkey):
    identity = helen.get_cookie("console").value
    with redis.Redis.from_url(valkey.url) as store:
        keys = [key.decode() for key in store.scan_iter("console.session.*")]

    assert keys
    assert all(identity not in key for key in keys)


def test_signing_out_leaves_nothing_behind(helen):
    kept = helen.get_cookie("console").value

    helen.post("/logout")

    stranger = helen.application.test_client()
    stranger.set_cookie("console", kept)
    assert stranger.get("/").status_code == 303


@pytest.mark.requirement("C-29")
def test_a_login_that_ran_out_leads_back_to_the_page(console):
    answer = console.get("/orders?status=placed&search=ann")

    asked = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert asked["next"] == ["/orders?status=placed&search=ann"]
    back = console.post("/login", data={"person": "helen", "next": asked["next"][0]})
    assert back.headers["Location"] == "/orders?status=placed&search=ann"


@pytest.mark.requirement("C-29")
def test_what_a_form_held_waits_for_its_writer_to_sign_in_again(make_console, people):
    browser = make_console(local_people=people(seconds=0))
    browser.post("/login", data={"person": "helen"})

    turned_away = browser.post("/notices/read", data={"up_to": "b4", "note": "Ring < twice", "key": "k-1"})
    people(seconds=3600)
    next_page = parse_qs(urlsplit(turned_away.headers["Location"]).query)["next"][0]
    back = browser.post("/login", data={"person": "helen", "next": next_page})
    page = browser.get(back.headers["Location"]).text

    assert 'action="/notices/read"' in page
    assert 'name="note" value="Ring &lt; twice"' in page
    assert 'name="key" value="k-1"' in page


@pytest.mark.requirement("C-29")
def test_a_file_that_was_being_sent_is_chosen_again_beside_all_else_that_was_typed(make_console, people):
    browser = make_console(local_people=people(seconds=0))
    browser.post("/login", data={"person": "helen"})
    sent = {"seller": "harbour", "key": "k-1", "file": (io.BytesIO(b"date,amount"), "statement.csv")}

    browser.post("/money/statements", data=sent, content_type="multipart/form-data")
    people(seconds=3600)
    browser.post("/login", data={"person": "helen"})
    page = browser.get("/again").text

    [form] = re.findall(r'<form method="post" action="/money/statements"[^>]*>', page)
    assert 'enctype="multipart/form-data"' in form
    assert re.search(r'<input type="file" [^>]*name="file" required', page)
    assert 'name="seller" value="harbour"' in page


@pytest.mark.requirement("C-29")
def test_nobody_else_is_shown_what_somebody_typed(make_console, people):
    browser = make_console(local_people=people(seconds=0))
    browser.post("/login", data={"person": "helen"})
    browser.post("/notices/read", data={"note": "secret"})
    people(seconds=3600)

    browser.post("/login", data={"person": "peter"})

    assert browser.get("/again").status_code == 303


@pytest.mark.parametrize(
    "elsewhere", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_signing_in_leads_to_no_other_site(console, elsewhere):
    answer = console.post("/login", data={"person": "helen", "next": elsewhere})

    assert answer.headers["Location"] == "/"


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "", "Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "", "Origin": "null"},
        {"Sec-Fetch-Site": ""},
    ],
)
def test_a_form_of_another_site_does_nothing(helen, headers):
    answer = helen.post("/logout", headers=headers)

    assert answer.status_code == 403
    assert helen.get("/notices").status_code != 303  # still signed in


@pytest.mark.requirement("C-30")
def test_a_form_of_our_own_page_needs_nothing_that_could_run_out(helen):
    by_origin = helen.post(
        "/language", data={"language": "es"}, headers={"Sec-Fetch-Site": "", "Origin": "http://localhost"}
    )
    by_site = helen.post("/language", data={"language": "en"})

    assert (by_origin.status_code, by_site.status_code) == (303, 303)


def test_losing_the_sessions_means_signing_in_again_and_no_more(helen, valkey):
    with redis.Redis.from_url(valkey.url) as store:
        store.flushall()

    assert helen.get("/notices").status_code == 303
    assert helen.get("/login").status_code == 200


def test_without_the_store_of_sessions_the_page_says_so(make_console):
    browser = make_console(broker_url="redis://127.0.0.1:9/0")
    browser.set_cookie("console", "x" * 43)

    answer = browser.get("/")

    assert (answer.status_code, "where sessions are kept" in answer.text) == (503, True)
    assert browser.get("/health/live").status_code == 200
    assert browser.get("/health/ready").status_code == 503


def test_nobody_may_say_who_they_are_where_a_provider_does(provided):
    assert provided.post("/login", data={"person": "helen"}).status_code == 404


ENVIRONMENT = {
    "BROKER_URL": "redis://127.0.0.1:9/0",
    **{f"{service}_URL": AWAY for service in ("ORDERS", "SHIPPING", "DOCUMENTS", "NOTIFICATIONS")},
}
PROVIDER = {
    "OIDC_ISSUER": "https://id.example",
    "OIDC_CLIENT_ID": "console",
    "PUBLIC_URL": "https://shop.example",
}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "OIDC_ISSUER"),
        (PROVIDER | {"LOCAL_PEOPLE": "people.json"}, "give one of them"),
        (PROVIDER | {"OIDC_ISSUER": "http://id.example"}, "should begin with https://"),
        ({"OIDC_ISSUER": "https://id.example"}, "OIDC_CLIENT_ID"),
        (PROVIDER | {"PUBLIC_URL": ""}, "PUBLIC_URL"),
        ({"LOCAL_PEOPLE": "people.json", "PUBLIC_URL": "https://shop.example"}, "this machine only"),
        (PROVIDER | {"BROKER_URL": "sentinel://one"}, "BROKER_URL"),
    ],
)
def test_settings_that_can_not_be_meant_stop_the_start(given, said):
    with pytest.raises(SettingsError, match=re.escape(said)):
        read(Settings, ENVIRONMENT | given, process="api")


def test_settings_of_a_deployment_and_of_one_machine_are_taken():
    assert not read(Settings, ENVIRONMENT | PROVIDER, process="api").is_local
    assert read(Settings, ENVIRONMENT | {"LOCAL_PEOPLE": "people.json"}).is_plain


@pytest.mark.requirement("V-19")
def test_on_one_machine_nobody_is_let_in_without_the_key_that_was_printed(make_console):
    browser = make_console(local_key="printed")

    for address in ("/login", "/login?key=", "/login?key=guessed", "/login?key=printedx"):
        closed = browser.get(address)
        assert closed.status_code == 403
        assert "Helen Marsh" not in closed.text
        assert browser.post("/login", data={"person": "helen"}).status_code == 403
    assert browser.get("/").status_code == 303

    opened = browser.get("/login?key=printed&next=/orders")

    assert opened.status_code == 303
    assert "printed" not in opened.headers["Location"]
    assert "Helen Marsh" in browser.get(opened.headers["Location"]).text
    assert browser.post("/login", data={"person": "helen"}).status_code == 303
    browser.post("/logout")
    assert browser.get("/login").status_code == 200
