"""The key that seals webhooks' secrets is changed while they are sent."""

from base64 import b64encode
from dataclasses import replace

import pytest
from click.testing import CliRunner

from services.notifications import db
from services.notifications.cli import cli
from services.notifications.commands import webhooks as commands
from shared.secrets_at_rest import NotOpened, opened
from tests.contract.openapi import ENVIRONMENT

pytestmark = pytest.mark.requirement("K-05")

NEW_KEY = b64encode(b"n" * 32).decode()


@pytest.fixture
def reseal(settings):
    """Run the verb with these keys."""
    before = dict(db.sessions.kw)

    def run(*keys):
        told = {"DATABASE_URL": settings.database_url, "WEBHOOK_KEYS": ",".join(keys)}
        return CliRunner().invoke(cli, ["reseal"], env=ENVIRONMENT | told)

    yield run
    db.sessions.kw["bind"].dispose()
    db.sessions.kw.clear()
    db.sessions.kw.update(before)


def test_after_resealing_the_old_key_may_go(hook, known, sessions, settings, reseal):
    [old_key] = settings.webhook_keys
    webhook_id, secret = hook("https://shop.example/hooks")
    with sessions.begin() as session:
        session.info["settings"] = replace(settings, webhook_keys=(NEW_KEY, old_key))
        _, newer = commands.rotate_secret(session, webhook_id, 24)

    ended = reseal(NEW_KEY, old_key)

    assert (ended.exit_code, ended.output) == (0, "1 webhooks' secrets are encrypted with the newest key\n")
    webhook = known(webhook_id)
    assert opened([NEW_KEY], webhook.secret) == newer
    assert opened([NEW_KEY], webhook.previous_secret) == secret
    with pytest.raises(NotOpened):
        opened([old_key], webhook.previous_secret)


def test_without_keys_it_says_where_they_are(reseal):
    ended = reseal()

    assert ended.exit_code == 1
    assert "where notifications' API runs" in ended.output
