"""E-mails byte for byte, sent again, merged; domains that want less of us."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_SELLER_AND_MARKET = """
    update emails set seller = coalesce(snapshot -> 'seller' ->> 'seller', ''),
                      market = coalesce(snapshot -> 'market' ->> 'market', '')
    from copies where copies.subject = emails.order_id::text and copies.source = 'orders'
"""


def upgrade() -> None:
    for column in ("seller", "market", "requested_by"):
        op.add_column("emails", sa.Column(column, sa.Text(), nullable=False, server_default=""))
        op.alter_column("emails", column, server_default=None)
    op.execute(_SELLER_AND_MARKET)
    for column in ("resend_of", "merged_into"):
        op.add_column("emails", sa.Column(column, sa.Uuid()))
        op.create_foreign_key(op.f(f"fk_emails_{column}"), "emails", "emails", [column], ["id"])
    for column in ("text", "html"):
        op.drop_column("emails", column)
    _replace_check("emails", "status", "status in ('queued', 'sent', 'failed', 'merged')")
    op.create_check_constraint(
        op.f("ck_emails_merged"), "emails", "(status = 'merged') = (merged_into is not null)"
    )
    _replace_check("email_attempts", "outcome", "outcome in ('sent', 'delayed', 'throttled', 'refused')")
    op.create_table(
        "email_contents",
        sa.Column("email_id", sa.Uuid(), nullable=False),
        sa.Column("compressed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("email_id", name="pk_email_contents"),
        sa.ForeignKeyConstraint(
            ["email_id"], ["emails.id"], name="fk_email_contents_email_id", ondelete="CASCADE"
        ),
    )
    op.create_table(
        "throttled_domains",
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("strikes", sa.Integer(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("domain", name="pk_throttled_domains"),
    )


def downgrade() -> None:
    op.drop_table("throttled_domains")
    op.drop_table("email_contents")
    op.execute("update email_attempts set outcome = 'delayed' where outcome = 'throttled'")
    _replace_check("email_attempts", "outcome", "outcome in ('sent', 'delayed', 'refused')")
    op.drop_constraint(op.f("ck_emails_merged"), "emails")
    op.execute("delete from emails where status = 'merged'")
    _replace_check("emails", "status", "status in ('queued', 'sent', 'failed')")
    for column in ("text", "html"):
        op.add_column("emails", sa.Column(column, sa.Text(), nullable=False, server_default=""))
        op.alter_column("emails", column, server_default=None)
    for column in ("seller", "market", "requested_by", "resend_of", "merged_into"):
        op.drop_column("emails", column)


def _replace_check(table: str, name: str, rule: str) -> None:
    op.drop_constraint(op.f(f"ck_{table}_{name}"), table)
    op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, rule)
