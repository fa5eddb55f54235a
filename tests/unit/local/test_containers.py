"""docker-compose.yml starts what `make up` starts, closed in, and keeps no secret."""

import importlib
import os
import re
import shlex
import subprocess
import sys
from dataclasses import MISSING, fields
from hashlib import sha256
from itertools import combinations, product

import pytest
import yaml

from deploy.containers.env_file import PASSWORDS, development_settings, write_env_file
from deploy.containers.pin import images, pin
from deploy.local.databases import SERVICES
from deploy.local.keys import Keys
from deploy.local.servers import Servers
from deploy.local.service_processes import migrations, service_processes
from deploy.local.settings import ROOT, parsed, read
from deploy.local.valkey import USERS, users
from shared.settings import is_told
from shared.settings import read as read_service
from tests.contract import openapi

TEXT = (ROOT / "docker-compose.yml").read_text()
CONTAINERS = yaml.safe_load(TEXT)["services"]
SERVERS = {"gateway", "postgres", "valkey", "mailpit", "prometheus"}
OURS = sorted(set(CONTAINERS) - SERVERS)

# What stands in `${…}`: the name, and how it goes on where the variable is not set.
VARIABLES = set(re.findall(r"\$\{([A-Z_]+)(:[?-][^}]*)?\}", TEXT))
REQUIRED = {name for name, otherwise in VARIABLES if otherwise == ":?"}
# Each has a value that suits every deployment, or is a matter of the one machine.
DEFAULTS = {name: otherwise[2:] for name, otherwise in VARIABLES if otherwise.startswith(":-")}

# Where a process of a container listens, and where one of `make up` does.
PLACE = re.compile(r"(--(?:host|address|port)[ =])\S+")


def settings_of(service):
    return importlib.import_module(f"services.{service}.settings").Settings


@pytest.fixture
def processes(tmp_path):
    """What `make up` starts, by the names that containers have."""
    settings = read({"WAYBILL_FOLDER": str(tmp_path)}, tmp_path / ".env")
    keys = Keys(tmp_path / "keys")
    known = (settings, keys, Servers(settings, keys))
    all_of_them = [*service_processes(*known).values(), *migrations(*known)]
    return {process.name.replace(".", "-"): process for process in all_of_them}


def test_the_same_processes_run_with_the_same_words(processes):
    commands = {name: " ".join(process.command[1:]) for name, process in processes.items()}
    in_containers = {
        name: " ".join(shlex.split(CONTAINERS[name]["command"])[1:]).removesuffix(" --wait 300")
        for name in OURS
    }

    assert in_containers.keys() == commands.keys()
    assert {name: PLACE.sub(r"\1…", line) for name, line in in_containers.items()} == {
        name: PLACE.sub(r"\1…", line) for name, line in commands.items()
    }


@pytest.mark.requirement("V-19")
@pytest.mark.parametrize("name", [name for name in OURS if name != "flower"])
def test_a_process_is_told_all_settings_that_are_its_own_and_no_other(name):
    service, _, kind = name.partition("-")
    own = {field.name.upper() for field in fields(settings_of(service)) if is_told(field, kind)}
    library = {"PROMETHEUS_MULTIPROC_DIR", "TMPDIR"}

    assert set(CONTAINERS[name]["environment"]) - library == own - {"CRASH_POINTS"}


@pytest.mark.requirement("V-19")
def test_flower_is_told_its_own_passwords_alone():
    assert set(CONTAINERS["flower"]["environment"]) == {
        "CELERY_BROKER_URL",
        "CELERY_CONFIG_MODULE",
        "FLOWER_BASIC_AUTH",
    }


def test_a_service_can_be_made_of_what_it_is_told(tmp_path):
    values = development_settings(Keys(tmp_path), {}) | DEFAULTS
    for service in SERVICES:
        environment = {
            name: re.sub(r"\$\{([A-Z_]+)[^}]*\}", lambda found: values[found[1]], str(value))
            for name, value in CONTAINERS[f"{service}-worker"]["environment"].items()
        }

        from_containers = read_service(settings_of(service), environment, process="worker")

        optional = {
            field.name: field.default
            for field in fields(from_containers)
            if field.default is not MISSING and not field.metadata
        }
        told = {name: value for name, value in vars(from_containers).items() if name in optional}
        differing = {name for name, default in optional.items() if told[name] != default}
        assert differing == {"public_url", "trusted_proxies", "metrics_host", "metrics_port"}


@pytest.mark.requirement("V-05")
def test_the_broker_has_the_users_of_make_up():
    passwords = {user: f"password-of-{user}" for user in USERS}
    script = CONTAINERS["valkey"]["command"][2].replace("$$", "$").replace("/etc/waybill", "deploy/valkey")
    told = "cat " + script[script.index("<<END") :]
    environment = {f"{user.upper()}_BROKER_PASSWORD": password for user, password in passwords.items()}

    written = subprocess.run(
        ["sh", "-c", told],
        cwd=ROOT,
        env=os.environ | environment | {"BROKER_PASSWORD": "of-all"},
        capture_output=True,
        check=True,
        text=True,
    ).stdout.splitlines()

    lines = [line for line in users(passwords).splitlines() if not line.startswith("#")]
    assert written == ["requirepass of-all", *lines]
    assert len(lines) == len(USERS)


def test_each_process_reaches_the_broker_as_its_service():
    for name in OURS:
        environment = CONTAINERS[name]["environment"]
        if name.endswith("-migrate"):
            continue
        address = environment.get("BROKER_URL") or environment["CELERY_BROKER_URL"]
        user = name.partition("-")[0]
        assert address == f"redis://{user}:${{{user.upper()}_BROKER_PASSWORD:?}}@valkey:6379/0"


def test_no_secret_has_a_default():
    secret = re.compile(r"PASSWORD|SECRET|TOKEN|KEYS|JWKS|LOGIN|SMTP|MAIL_FROM")
    # No carrier calls; a public client has none; papers are in a folder.
    optional = {"CARRIER_SECRETS", "OIDC_CLIENT_SECRET", "STORE_SECRET"}

    assert {name for name in DEFAULTS if secret.search(name)} == optional
    assert DEFAULTS["CARRIER_SECRETS"] == ""


def test_the_command_for_development_makes_up_all_that_is_asked_for(tmp_path):
    assert set(development_settings(Keys(tmp_path), {})) == REQUIRED | {
        "COMPOSE_PROFILES",
        "LOCAL_KEY",
        "LOCAL_PEOPLE",
    }


def test_the_file_of_secrets_is_its_owner_s_alone_and_keeps_what_the_servers_know(tmp_path):
    file = tmp_path / ".env"
    file.write_text("# chosen\nWAYBILL_ORDERS_PORT=9001\nSMTP_URL=smtp://mail.example\n")

    write_env_file(file, Keys(tmp_path / "keys"))
    first = parsed(file.read_text())
    write_env_file(file, Keys(tmp_path / "keys"))
    second = parsed(file.read_text())
    write_env_file(tmp_path / "other", Keys(tmp_path / "other-keys"))
    other = parsed((tmp_path / "other").read_text())

    assert file.stat().st_mode & 0o777 == 0o600
    assert file.read_text().startswith("# chosen\n")
    assert (first["WAYBILL_ORDERS_PORT"], first["SMTP_URL"]) == ("9001", "smtp://mail.example")
    assert {name: first[name] for name in PASSWORDS} == {name: second[name] for name in PASSWORDS}
    assert not {first[name] for name in PASSWORDS} & {other[name] for name in PASSWORDS}


def test_git_does_not_see_the_file_of_secrets():
    assert "/.env" in (ROOT / ".gitignore").read_text().splitlines()
    assert (ROOT / ".dockerignore").read_text().splitlines()[1] == "*"


@pytest.mark.parametrize("name", sorted(CONTAINERS))
def test_every_container_is_closed_in(name):
    container = CONTAINERS[name]

    assert container["read_only"] is True
    assert container["cap_drop"] == ["ALL"]
    assert container["security_opt"] == ["no-new-privileges:true"]
    assert not container["user"].startswith(("0", "root"))
    assert {"mem_limit", "cpus", "pids_limit", "restart"} <= set(container)
    assert "healthcheck" in container or name.endswith("-migrate")


def shares_a_network(one, other):
    return bool(set(CONTAINERS[one]["networks"]) & set(CONTAINERS[other]["networks"]))


@pytest.mark.requirement("V-20")
def test_nobody_reaches_what_they_have_no_business_with():
    kinds = ("api", "worker", "agent", "migrate", "rendering", "webhooks")
    own = {
        name: service
        for service in SERVICES
        for name in CONTAINERS
        if name.partition("-")[0] == service and name.partition("-")[2] in kinds
    }
    apis = {f"{service}-api" for service in SERVICES}
    callers = {*(f"{service}-agent" for service in SERVICES), "notifications-worker", "console-api", *apis}
    meeting = {frozenset(pair) for pair in combinations(CONTAINERS, 2) if shares_a_network(*pair)}

    wanted = {frozenset(pair) for pair in combinations(own, 2) if own[pair[0]] == own[pair[1]]}
    wanted |= {frozenset((name, server)) for name in own for server in ("postgres", "valkey", "prometheus")}
    wanted |= {frozenset(pair) for pair in product(callers, apis) if pair[0] != pair[1]}
    wanted |= {frozenset(pair) for pair in product(("gateway",), ("console-api", *apis))}
    wanted |= {frozenset(pair) for pair in combinations(("console-api", "valkey", "prometheus"), 2)}
    wanted |= {frozenset(pair) for pair in combinations(("flower", "valkey", "prometheus"), 2)}
    wanted |= {frozenset(("notifications-worker", "mailpit"))}
    # Who shares the network of all calls, or a server that several use; none of them listens to the other.
    beside = {frozenset(pair) for pair in combinations(callers - apis, 2)}
    beside |= {frozenset(pair) for pair in combinations(("postgres", "valkey", "prometheus"), 2)}
    assert wanted <= meeting <= wanted | beside


@pytest.mark.requirement("V-20")
def test_only_what_talks_to_the_world_has_a_way_out():
    networks = yaml.safe_load(TEXT)["networks"]
    shut = {name for name, settings in networks.items() if settings and settings["internal"]}

    out = {name for name, container in CONTAINERS.items() if not set(container["networks"]) <= shut}

    assert set().union(*(container["networks"] for container in CONTAINERS.values())) == set(networks)
    doors = {name for name, container in CONTAINERS.items() if "ports" in container}
    asks_the_issuer = {"console-api", *(f"{service}-api" for service in SERVICES)}
    assert out == doors | asks_the_issuer | {
        *("orders-worker", "notifications-worker", "notifications-webhooks")
    }


@pytest.mark.requirement("V-20")
def test_nothing_that_is_written_for_a_moment_is_without_bounds():
    for name, container in CONTAINERS.items():
        for place in container.get("tmpfs", []):
            path, _, bound = place.partition(":size=")
            assert (path, bound.endswith("m")) == ("/tmp", True), name
            assert int(bound[:-1]) <= size_mb(container["mem_limit"]) / 2, name


def size_mb(text):
    return int(text[:-1]) * {"m": 1, "g": 1024}[text[-1]]


ENGINE = """
import json, os, sys
from hashlib import sha256
*words, image = sys.argv[1:]
print(*words, image, file=open({asked!r}, "a"))
if image == os.environ.get("REFUSED"):
    sys.exit(1)
if words != ["pull", "--quiet"]:
    name, _, _ = image.rpartition(":")
    print(json.dumps([{{"RepoDigests": [name + "@sha256:" + sha256(image.encode()).hexdigest()]}}]))
"""


@pytest.fixture
def engine(tmp_path):
    """A program that pulls and describes images as docker does, and remembers what it was asked."""
    program = tmp_path / "engine"
    program.write_text(f"#!{sys.executable}\n" + ENGINE.format(asked=str(tmp_path / "asked")))
    program.chmod(0o700)
    return str(program)


@pytest.mark.requirement("V-20")
def test_images_are_named_by_the_digests_of_what_was_pulled(tmp_path, engine):
    file = tmp_path / ".env"
    file.write_text("# chosen\nNGINX_IMAGE=mirror.example/nginx:1.31@sha256:old\n")

    pinned = pin(engine, file)

    wanted = images(file)
    assert pinned == wanted
    assert set(pinned) == {name for name in DEFAULTS if name.endswith("_IMAGE")}
    for name, image in pinned.items():
        tagged = "mirror.example/nginx:1.31" if name == "NGINX_IMAGE" else DEFAULTS[name]
        digest = sha256(tagged.encode()).hexdigest()
        assert image == f"{tagged}@sha256:{digest}"
        assert f"pull --quiet {tagged}" in (tmp_path / "asked").read_text()
    assert file.read_text().startswith("# chosen\n")
    assert pin(engine, file) == pinned


def test_nothing_is_pinned_where_something_cannot_be_pulled(tmp_path, engine, monkeypatch):
    monkeypatch.setenv("REFUSED", DEFAULTS["VALKEY_IMAGE"])

    with pytest.raises(subprocess.CalledProcessError):
        pin(engine, tmp_path / ".env")

    assert not (tmp_path / ".env").exists()


def test_images_are_pinned_by_version():
    images = {container["image"] for container in CONTAINERS.values() if "build" not in container}
    pinned = re.compile(r"\$\{[A-Z]+_IMAGE:-[a-z/]+:v?\d+\.\d+(\.\d+)?\}")

    assert [image for image in images if not pinned.fullmatch(image)] == []


def test_only_doors_are_open_and_only_on_this_machine_unless_somebody_says_so():
    published = {name: container["ports"] for name, container in CONTAINERS.items() if "ports" in container}

    assert set(published) <= {"gateway", "flower", "mailpit", "prometheus"}
    assert all(
        re.match(r"\$\{[A-Z]+_ADDRESS:-127\.0\.0\.1:\d+\}:\d+$", door) for [door] in published.values()
    )


def test_what_is_kept_is_in_named_volumes_and_the_rest_is_ours_to_read():
    named = set(yaml.safe_load(TEXT)["volumes"])
    mounts = [mount for container in CONTAINERS.values() for mount in container.get("volumes", [])]

    assert {mount.partition(":")[0] for mount in mounts if not mount.startswith(".")} == named
    for mount in mounts:
        if mount.startswith("."):
            assert mount.endswith(":ro")
            assert (ROOT / mount.partition(":")[0]).exists(), mount


@pytest.fixture
def location():
    """The one place in the gateway's configuration that leads to services."""
    [found] = re.findall(
        r"location ~ (\S+) \{\s+set", (ROOT / "deploy" / "gateway" / "nginx.conf").read_text()
    )
    return re.compile(found)


def test_the_gateway_leads_to_every_public_route_and_to_no_other(location):
    for service in SERVICES:
        settings = read_service(settings_of(service), openapi.ENVIRONMENT)
        app = importlib.import_module(f"services.{service}.app").create_app(settings)
        shut = {str(rule) for rule in app.url_map.iter_rules() if not location.match(f"/{service}{rule}")}

        assert shut == {
            str(rule) for rule in app.url_map.iter_rules() if rule.rule.startswith(("/internal", "/metrics"))
        }
        assert "/internal/deliveries" in shut


def test_what_the_gateway_keeps_shut_is_not_the_console_s_either():
    text = (ROOT / "deploy" / "gateway" / "nginx.conf").read_text()
    [shut] = re.findall(r"location ~ (\S+) \{\s+return 404;", text)

    assert all(re.match(shut, address) for address in ("/metrics", "/internal/x", "/health/ready"))
    assert not any(re.match(shut, address) for address in ("/", "/orders", "/login/callback", "/static/a/b"))
