"""E-mails and the attempts to send them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "emails",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("about", sa.Uuid()),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("recipient_id", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("reply_to", sa.Text(), nullable=False),
        sa.Column("sender_name", sa.Text(), nullable=False),
        sa.Column("locale", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("html", sa.Text(), nullable=False),
        sa.Column("attachments", postgresql.JSONB(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("correlation_id", sa.Text(), nullable=False),
        sa.Column("caused_by", sa.Uuid()),
        sa.Column("caused_by_type", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_emails"),
        sa.UniqueConstraint("key", name="uq_emails_key"),
        sa.UniqueConstraint("order_id", "position", name="uq_emails_order_id_position"),
        sa.CheckConstraint("recipient in ('customer', 'seller')", name=op.f("ck_emails_recipient")),
        sa.CheckConstraint("status in ('queued', 'sent', 'failed')", name=op.f("ck_emails_status")),
        sa.CheckConstraint("(status = 'sent') = (sent_at is not null)", name=op.f("ck_emails_sent")),
    )
    op.create_table(
        "email_attempts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("email_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("code", sa.Integer()),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_email_attempts"),
        sa.ForeignKeyConstraint(
            ["email_id"], ["emails.id"], name="fk_email_attempts_email_id", ondelete="CASCADE"
        ),
        sa.CheckConstraint(
            "outcome in ('sent', 'delayed', 'refused')", name=op.f("ck_email_attempts_outcome")
        ),
    )
    op.create_index("ix_email_attempts_email_id", "email_attempts", ["email_id"])


def downgrade() -> None:
    op.drop_table("email_attempts")
    op.drop_table("emails")
