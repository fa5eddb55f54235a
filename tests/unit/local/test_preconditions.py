"""A start that can't succeed is refused in one sentence that says what to do."""

import socket
import subprocess
import sys
from contextlib import closing

import pytest

from deploy.local import settings
from deploy.local.ports import free_port, is_taken
from deploy.local.preconditions import RunningAlreadyError, StackError, check_ports, check_space, own_folder
from deploy.local.settings import SettingsError, read, variable


@pytest.fixture
def taken_port():
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield server.getsockname()[1]


def test_a_taken_port_is_named_with_the_setting_that_changes_it(taken_port):
    with pytest.raises(StackError) as refusal:
        check_ports({"orders": taken_port, "flower": free_port()}, ["flower", "orders"])

    assert str(refusal.value) == (
        f"Port {taken_port} on 127.0.0.1, meant for orders, is taken by another program: "
        "set WAYBILL_ORDERS_PORT to a free one, for example in the file .env."
    )


def test_a_free_port_is_given_out_once():
    ports = [free_port() for _ in range(50)]

    assert len(set(ports)) == 50
    assert not any(is_taken(port) for port in ports)


def test_what_one_process_was_given_no_other_is_before_it_ends():
    give = (
        "from deploy.local import ports; ports.FREE_RANGE = range(19_000, 19_001);"
        "print(ports.free_port(), flush=True); input()"
    )
    command = [sys.executable, "-c", give]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout.readline() == "19000\n"
        second = subprocess.run(command, capture_output=True, text=True, input="\n", check=False)
        first.communicate("\n")
    third = subprocess.run(command, capture_output=True, text=True, input="\n", check=True)

    assert "no free port" in second.stderr
    assert third.stdout == "19000\n"


def test_a_full_disk_is_refused(tmp_path):
    with pytest.raises(StackError, match=r"The disk that holds .* is full: .* MB are free"):
        check_space(tmp_path, needed_bytes=10**18)


def test_a_second_start_in_the_same_folder_is_refused_while_the_first_runs(tmp_path):
    folder = tmp_path / "data"
    with (
        own_folder(folder),
        pytest.raises(RunningAlreadyError, match=r"already running in .* \(process \d+\)"),
    ):
        own_folder(folder)

    own_folder(folder).close()


def test_the_environment_goes_before_the_file(tmp_path):
    file = tmp_path / ".env"
    file.write_text(
        "# a comment = ignored\n"
        "WAYBILL_ORDERS_PORT=9001\n"
        "export WAYBILL_FLOWER_PORT='9002'\n"
        "LOG_LEVEL = DEBUG\n"
    )

    found = read({"WAYBILL_ORDERS_PORT": "9003", "PATH": "/bin", "SECRET_OF_THE_SHELL": "x"}, file)

    assert (found.ports["orders"], found.ports["flower"]) == (9003, 9002)
    assert found.ports["mail"] == settings.PORTS["mail"]
    assert found.services == {"LOG_LEVEL": "DEBUG"}
    assert found.inherited == {"PATH": "/bin"}


@pytest.mark.parametrize("port", ["0", "65536", "many", "-1"])
def test_a_port_that_is_none_is_refused_by_name(tmp_path, port):
    with pytest.raises(SettingsError, match="WAYBILL_SMTP_PORT should be a port from 1 to 65535"):
        read({"WAYBILL_SMTP_PORT": port}, tmp_path / ".env")


def test_the_example_names_every_setting_with_its_default():
    example = (settings.ROOT / "deploy" / "env.example").read_text()
    lines = [line.removeprefix("# ") for line in example.splitlines() if "=" in line]
    named = dict(line.split("=", maxsplit=1) for line in lines)

    ports = {variable(name): str(port) for name, port in settings.PORTS.items()}
    outside = {"WAYBILL_FOLDER", "WAYBILL_POSTGRES_URL", "WAYBILL_BROKER_URL", "WAYBILL_SMTP_URL"}
    assert set(named) == set(ports) | outside | set(settings.TUNING) | set(settings.SECRETS)
    assert {name: named[name] for name in ports} == ports
