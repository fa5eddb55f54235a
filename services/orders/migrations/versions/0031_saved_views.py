"""Views of the list of orders that people save for themselves and share in a seller."""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    op.create_table(
        "saved_views",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("seller_code", sa.Text),
        sa.Column("owner_issuer", sa.Text),
        sa.Column("owner", sa.Text),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("name_folded", sa.Text, nullable=False),
        sa.Column("query", sa.Text, nullable=False),
        sa.Column("said", sa.Text, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("updated_by", sa.Text, nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(seller_code is null) = (owner is not null) and (owner is null) = (owner_issuer is null)",
            name="ck_saved_views_own_or_shared",
        ),
        sa.ForeignKeyConstraint(["seller_code"], ["sellers.code"], name="fk_saved_views_seller_code"),
        sa.PrimaryKeyConstraint("id", name="pk_saved_views"),
        # Where one of the columns is null nothing is alike: an own view has no seller, a shared one no owner.
        sa.UniqueConstraint(
            "owner", "owner_issuer", "name_folded", name="uq_saved_views_owner_owner_issuer_name_folded"
        ),
        sa.UniqueConstraint("seller_code", "name_folded", name="uq_saved_views_seller_code_name_folded"),
    )
    op.execute("create index ix_saved_views_said on saved_views using gin (said gin_trgm_ops)")


def downgrade() -> None:
    op.drop_table("saved_views")
