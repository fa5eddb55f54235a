"""A database and a role for each service, on any PostgreSQL server."""

import json
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote, urlsplit

import psycopg
from psycopg import sql

from deploy.local.keys import write_secret

SERVICES = ("orders", "shipping", "documents", "notifications")


def passwords(folder: Path, roles: Sequence[str]) -> dict[str, str]:
    """The roles' passwords, created on the first start and kept in the folder."""
    file = folder / "passwords.json"
    known: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
    missing = [role for role in roles if role not in known]
    if missing:
        known |= {role: secrets.token_urlsafe(24) for role in missing}
        write_secret(file, json.dumps(known, indent=2))
    return known


def database_url(admin_url: str, database: str, *, role: str, password: str) -> str:
    """A role's database URL on the same server, in SQLAlchemy's format."""
    server = urlsplit(admin_url)
    host = server.netloc.rpartition("@")[2]
    query = f"?{server.query}" if server.query else ""
    return f"postgresql+psycopg://{role}:{quote(password)}@{host}/{database}{query}"


def provision(admin_url: str, passwords: Mapping[str, str]) -> None:
    """Ensure a role and a database for each name, closed to all other roles; repeatable.

    Works on any server from PostgreSQL 15 on, for a role that may create databases and roles.
    """
    with psycopg.connect(admin_url, autocommit=True) as connection:
        roles = {name for (name,) in connection.execute("SELECT rolname FROM pg_roles")}
        databases = {name for (name,) in connection.execute("SELECT datname FROM pg_database")}
        superuser = connection.info.parameter_status("is_superuser") == "on"
        for name, password in passwords.items():
            # Hashed here, so that the password can't show in a log of the server.
            verifier = connection.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256")
            verb = sql.SQL("ALTER" if name in roles else "CREATE")
            connection.execute(
                sql.SQL("{} ROLE {} LOGIN PASSWORD {}").format(
                    verb, sql.Identifier(name), sql.Literal(verifier.decode())
                )
            )
            if name not in databases:
                if not superuser:  # an owner other than oneself must be a role one belongs to
                    connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(name)))
                connection.execute(sql.SQL("CREATE DATABASE {0} OWNER {0}").format(sql.Identifier(name)))
            connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(name)))
