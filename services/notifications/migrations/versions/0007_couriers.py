"""Couriers read e-mails too."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.drop_constraint(op.f("ck_emails_recipient"), "emails")
    op.create_check_constraint(
        op.f("ck_emails_recipient"), "emails", "recipient in ('customer', 'seller', 'courier')"
    )


def downgrade() -> None:
    op.execute("delete from emails where recipient = 'courier'")
    op.drop_constraint(op.f("ck_emails_recipient"), "emails")
    op.create_check_constraint(op.f("ck_emails_recipient"), "emails", "recipient in ('customer', 'seller')")
