"""Only who shows a good token with the right scopes gets in, and no route is left open by oversight."""

import base64
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from shared import clock
from shared.web import auth
from shared.web.auth import KeySet, Tokens
from shared.web.blueprint import Blueprint
from tests.serving import serving

ISSUER = "https://issuer.example"  # of the fixture's tokens, and the one that is accepted


def get(client, token):
    return client.get("/v1/things", headers={"Authorization": f"Bearer {token}"})


def test_a_good_token_is_let_in(client, issuer):
    assert get(client, issuer.token()).status_code == 200


def test_the_key_set_may_be_the_setting_itself(make_things_app, issuer):
    client = make_things_app(jwks=issuer.file.read_text()).test_client()

    assert get(client, issuer.token()).status_code == 200


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic dXNlcjpwdw=="])
def test_without_a_token_nobody_is(client, header):
    answer = client.get("/v1/things", headers={"Authorization": header} if header is not None else {})

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.content_type == "application/problem+json"


def hours(count):
    return datetime.now(UTC) + timedelta(hours=count)


@pytest.mark.requirement("V-18")
@pytest.mark.parametrize(
    "claims",
    [
        {"exp": hours(-1)},
        {"exp": None},
        {"sub": None},
        {"aud": "elsewhere"},
        {"aud": None},
        {"iss": None},
        {"iss": "https://another.example"},
        {"iss": "https://issuer.example/"},
        {"sub": ""},
        {"sub": "s" * 256},
        {"sub": "tess\n"},
        {"sub": "té"},
        {"nbf": hours(1)},
        {"scope": 7},
        {"sellers": "everyone"},
        {"sellers": [7]},
    ],
)
def test_a_token_with_wrong_claims_is_not_accepted(client, issuer, claims):
    answer = get(client, issuer.token(**claims))

    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


@pytest.mark.requirement("V-18")
@pytest.mark.parametrize("name", ["gateway", "carrier", "anonymous", "customer:0", "orders", "notifications"])
def test_nobody_goes_by_a_name_of_our_own(client, issuer, name):
    assert get(client, issuer.token(sub=name)).status_code == 401
    assert get(client, issuer.token(sub=name, subscriber="shipping")).status_code == 401


@pytest.mark.requirement("V-18")
def test_a_service_goes_by_its_name(client, issuer):
    assert get(client, issuer.token(sub="orders", subscriber="orders")).status_code == 200


@pytest.mark.parametrize(
    "token",
    ["nonsense", "a.b.c", "é.é.é", "e30.e30.", "." * 5000, "eyJhbGciOiJFZERTQSIsImtpZCI6N30.e30.AAAA"],
)
def test_what_is_no_token_is_not_accepted(client, token):
    assert get(client, token).status_code == 401


def test_a_token_signed_with_another_key_is_not_accepted(client, issuer):
    issuer.keys["first"] = Ed25519PrivateKey.generate()  # the published one is still the old

    assert get(client, issuer.token()).status_code == 401


def test_an_unsigned_token_is_not_accepted(client, issuer):
    _, claims, _ = issuer.token().split(".")
    header = base64.urlsafe_b64encode(b'{"alg":"none","kid":"first"}').rstrip(b"=").decode()

    assert get(client, f"{header}.{claims}.").status_code == 401


def test_a_token_signed_with_the_public_key_as_a_secret_is_not_accepted(client, issuer):
    secret = json.loads(issuer.file.read_text())["keys"][0]["x"]
    claims = {"iss": ISSUER, "sub": "eve", "aud": "waybill", "exp": hours(1), "scope": "things:read"}
    forged = jwt.encode(claims, secret.ljust(32, "x"), "HS256", headers={"kid": "first"})

    assert get(client, forged).status_code == 401


def test_a_changed_token_is_not_accepted(client, issuer):
    header, claims, signature = issuer.token("nothing").split(".")
    wider = json.loads(base64.urlsafe_b64decode(claims + "==")) | {"scope": "things:read"}
    claims = base64.urlsafe_b64encode(json.dumps(wider).encode()).rstrip(b"=").decode()

    assert get(client, f"{header}.{claims}.{signature}").status_code == 401


def test_without_the_scope_the_answer_says_which_one_is_needed(client, bearer):
    answer = client.post("/v1/things", json={"name": "kettle"}, headers=bearer("things:read"))

    assert answer.status_code == 403
    assert 'scope="things:write"' in answer.headers["WWW-Authenticate"]


def test_nothing_of_the_request_is_looked_at_before_the_token(client):
    assert client.post("/v1/things", data=b"{", content_type="application/json").status_code == 401


def test_every_refused_try_is_logged_without_the_token(client, bearer, caplog):
    headers = bearer("things:read", sub="mallory")
    client.post("/v1/things", json={}, headers=headers)

    logged = [record.msg for record in caplog.records]
    [refusal] = [line for line in logged if line["event"] == "access refused"]
    assert (refusal["actor"], refusal["status"], refusal["route"]) == ("mallory", 403, "/v1/things")
    assert headers["Authorization"].split()[1] not in str(logged)


def test_a_new_key_is_accepted_as_soon_as_it_is_published(client, issuer, monkeypatch):
    monkeypatch.setattr(auth, "RELOAD_PAUSE_SECONDS", 0)
    assert get(client, issuer.token()).status_code == 200

    issuer.add_key("second")

    assert get(client, issuer.token(key_id="second")).status_code == 200
    assert get(client, issuer.token()).status_code == 200


def test_a_withdrawn_key_is_out_of_use_after_its_lifetime(client, issuer, monkeypatch):
    token = issuer.token()
    assert get(client, token).status_code == 200
    issuer.add_key("second")
    issuer.publish("second")

    later = clock.now() + timedelta(seconds=auth.KEYS_LIFETIME_SECONDS + 1)
    monkeypatch.setattr(clock, "now", lambda: later)

    assert get(client, token).status_code == 401


def test_a_remembered_token_still_expires(client, issuer, monkeypatch):
    token = issuer.token(exp=datetime.now(UTC) + timedelta(seconds=30))
    assert get(client, token).status_code == 200

    later = clock.now() + timedelta(seconds=31)
    monkeypatch.setattr(clock, "now", lambda: later)
    monkeypatch.setattr(auth, "LEEWAY_SECONDS", -1000)  # the signature's check reads another clock

    assert get(client, token).status_code == 401


def test_unknown_keys_do_not_make_us_read_the_key_set_all_day(issuer, monkeypatch):
    monkeypatch.setattr(auth, "RELOAD_PAUSE_SECONDS", 3600)
    keys = KeySet(str(issuer.file))
    assert keys.key("first") is not None
    issuer.add_key("second")

    assert keys.key("second") is None  # within the pause


def test_a_key_set_that_can_not_be_read_leaves_the_old_one_in_force(issuer, monkeypatch):
    monkeypatch.setattr(auth, "RELOAD_PAUSE_SECONDS", 0)
    keys = KeySet(str(issuer.file))
    assert keys.key("first") is not None
    issuer.file.write_text("half a docum")

    assert keys.key("unknown") is None
    assert keys.key("first") is not None


def test_remembered_tokens_are_bounded(issuer, monkeypatch):
    monkeypatch.setattr(auth, "REMEMBERED_TOKENS", 3)
    tokens = Tokens(KeySet(str(issuer.file)), ISSUER)

    for number in range(10):
        assert tokens.actor(issuer.token(sub=f"caller-{number}")).name == f"caller-{number}"

    assert len(tokens._remembered) <= 3


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_other_asymmetric_signatures_are_accepted(client, issuer, algorithm):
    if algorithm == "RS256":
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        public = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    else:
        key = ec.generate_private_key(ec.SECP256R1())
        public = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    issuer.file.write_text(json.dumps({"keys": [public | {"alg": algorithm}]}))  # one key needs no id
    claims = {"iss": ISSUER, "sub": "tess", "aud": "waybill", "exp": hours(1), "scope": "things:read"}

    assert get(client, jwt.encode(claims, key, algorithm)).status_code == 200


def test_the_key_set_may_be_at_an_address(issuer):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(issuer.file.read_bytes())

        def log_message(self, *_arguments):
            pass

    with serving(HTTPServer(("127.0.0.1", 0), Handler)) as server:
        keys = KeySet(f"http://127.0.0.1:{server.server_port}/keys")

        assert keys.key("first") is not None


def test_claims_become_the_actor(issuer):
    token = issuer.token("a b", sellers=["s1"], markets=["*"], subscriber="shipping")

    actor = Tokens(KeySet(str(issuer.file)), ISSUER).actor(token)

    assert actor.scopes == {"a", "b"}
    assert actor.may_see("s1", "gb")
    assert not actor.may_see("s2", "gb")
    assert actor.subscriber == "shipping"


def test_an_app_with_an_unmarked_route_refuses_to_start(make_things_app):
    forgetful = Blueprint("forgetful", __name__, url_prefix="/v1/forgotten")

    @forgetful.route("", methods=["GET"])
    @forgetful.response(204)
    def forgotten():
        """Open to all, by oversight."""

    with pytest.raises(RuntimeError, match=r"forgetful\.forgotten"):
        make_things_app(blueprints=[forgetful])


def test_the_document_names_the_scopes(client):
    document = client.get("/openapi.json").json

    assert document["paths"]["/v1/things"]["post"]["security"] == [{"bearer": ["things:write"]}]
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    assert not any(path.startswith(("/internal", "/health")) for path in document["paths"])


def test_callers_at_the_same_time_wait_for_the_first_look_at_the_keys(issuer):
    keys = KeySet(str(issuer.file))
    ready = threading.Barrier(8)

    def look():
        ready.wait()
        return keys.key("first")

    with ThreadPoolExecutor(8) as threads:
        found = [look.result() for look in [threads.submit(look) for _ in range(8)]]

    assert None not in found
