"""An OpenID Connect provider of our own: it speaks the protocol over HTTP, and checks PKCE, as one has to."""

import base64
import hashlib
import json
import secrets
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

CLIENT = "console"


class Issuer:
    """What it knows, and what happened."""

    def __init__(self):
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.codes = {}
        self.refreshes = 0
        self.lifetime = 300
        self.nonce = None  # another one than was asked for
        self.redirects = []
        self.address = ""

    def authorize(self, query):
        code = secrets.token_urlsafe(16)
        self.codes[code] = query
        self.redirects.append(query["redirect_uri"])
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"

    def token(self, form):
        if form["grant_type"] == "refresh_token":
            self.refreshes += 1
            return self._tokens({}) if form["refresh_token"].startswith("refresh") else None
        asked = self.codes.pop(form["code"], None)
        challenge = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        expected = base64.urlsafe_b64encode(challenge).rstrip(b"=").decode()
        if (
            asked is None
            or asked.get("code_challenge") != expected
            or asked["code_challenge_method"] != "S256"
        ):
            return None
        if form["redirect_uri"] != asked["redirect_uri"]:
            return None
        return self._tokens({"id_token": self._id_token(self.nonce or asked["nonce"])})

    def _id_token(self, nonce):
        now = int(time.time())
        claims = {"iss": self.address, "aud": CLIENT, "sub": "u-17", "name": "Ines Ray", "nonce": nonce}
        claims |= {"iat": now, "exp": now + 300}
        return jwt.encode(claims, self.key, algorithm="RS256", headers={"kid": "one"})

    def _tokens(self, more):
        return {
            "access_token": f"access-{secrets.token_hex(4)}",
            "refresh_token": f"refresh-{self.refreshes}",
            "token_type": "Bearer",
            "expires_in": self.lifetime,
            "scope": "openid orders:read",
        } | more

    def metadata(self):
        return {
            "issuer": self.address,
            "authorization_endpoint": f"{self.address}/authorize",
            "token_endpoint": f"{self.address}/token",
            "jwks_uri": f"{self.address}/jwks",
            "code_challenge_methods_supported": ["S256"],
        }

    def jwks(self):
        public = RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return {"keys": [public | {"kid": "one", "alg": "RS256", "use": "sig"}]}


@contextmanager
def running_issuer():
    issuer = Issuer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            parts = urlsplit(self.path)
            if parts.path == "/authorize":
                self.send_response(302)
                self.send_header("Location", issuer.authorize(dict(parse_qsl(parts.query))))
                self.end_headers()
            elif parts.path == "/jwks":
                self.answer(issuer.jwks())
            else:
                self.answer(issuer.metadata())

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            found = issuer.token({name: values[0] for name, values in parse_qs(body).items()})
            self.answer(found or {"error": "invalid_grant"}, 200 if found else 400)

        def answer(self, value, status=200):
            text = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    issuer.address = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield issuer
    finally:
        server.shutdown()
        server.server_close()
