"""The whole system starts from an empty folder, mends itself, and goes without a trace."""

import stat

import httpx2
import psutil
import pytest

from deploy.local.databases import SERVICES
from deploy.local.ports import is_taken
from deploy.local.preconditions import RunningAlreadyError
from deploy.local.settings import Settings, free_ports
from deploy.local.stack import Stack, examine, remove, restore

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    settings = Settings(folder=tmp_path_factory.mktemp("stack") / "data", ports=free_ports())
    with Stack(settings) as stack:
        yield stack
        started = [psutil.Process(process.pid) for process in stack.processes.values()]
        started += [child for process in started for child in process.children(recursive=True)]
    assert not any(process.is_running() for process in started)
    assert not any(is_taken(port) for port in settings.ports.values())
    deleted = remove(settings.folder)
    assert settings.folder in deleted
    assert not any(folder.exists() for folder in deleted)


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_is_ready_and_explains_itself(stack, service):
    assert httpx2.get(f"{stack.url(service)}/health/ready").json()["status"] == "ready"
    assert httpx2.get(f"{stack.url(service)}/docs").headers["Content-Type"].startswith("text/html")


def test_its_doctor_finds_nothing(stack):
    assert examine(stack.settings) == 0


def test_it_is_not_restored_while_it_runs(stack, tmp_path):
    with pytest.raises(RunningAlreadyError):
        restore(stack.settings, "orders", tmp_path)


def test_its_tokens_open_what_they_say(stack):
    orders = f"{stack.url('orders')}/v1/orders"

    assert httpx2.get(orders).status_code == 401
    for token, status in [(stack.token("orders:read"), 200), (stack.token("documents:read"), 403)]:
        assert httpx2.get(orders, headers={"Authorization": f"Bearer {token}"}).status_code == status


@pytest.mark.requirement("V-19")
def test_flower_shows_nothing_without_the_key_that_is_in_the_printed_address(stack):
    bare = f"http://127.0.0.1:{stack.settings.ports['flower']}"

    for path in ("/", "/workers", "/tasks", "/broker", "/api/workers", "/api/tasks"):
        for host in (None, "attacker.example"):
            headers = {"Host": host} if host else {}
            assert httpx2.get(f"{bare}{path}", headers=headers).status_code == 401
        assert httpx2.get(f"{stack.flower_url}{path}", follow_redirects=True).status_code == 200


@pytest.mark.requirement("V-19")
def test_nobody_else_on_the_machine_can_read_what_it_keeps(stack):
    kept = [stack.folder, *stack.folder.rglob("*")]

    # What stands in a closed folder is closed, whatever its own mode.
    opened = {path for path in kept if path.lstat().st_mode & 0o077}
    readable = {path for path in opened if opened.issuperset({*path.parents} - {*stack.folder.parents})}

    # As root: the way of PostgreSQL's user, and of nobody else, to its own files.
    assert readable <= {stack.folder, stack.folder / "postgres"}
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o710 for path in readable)
    assert {"documents", "logs", "mail", "valkey"} <= {path.name for path in kept}


@pytest.mark.parametrize("name", ["orders.api", "documents.rendering", "postgres", "valkey"])
def test_what_is_killed_comes_back_and_works(stack, wait_until, name):
    killed = stack.processes[name].pid

    stack.kill(name)

    wait_until(lambda: stack.processes[name].pid != killed)
    stack.wait_until_healthy()


def test_a_process_can_be_taken_out_and_put_back(stack, wait_until):
    stack.stop_process("shipping.agent")
    assert not stack.processes["shipping.agent"].is_running()

    stack.start_process("shipping.agent")
    wait_until(stack.processes["shipping.agent"].is_running)


def test_a_second_one_in_its_folder_is_refused(stack):
    with pytest.raises(RunningAlreadyError):
        Stack(stack.settings)
