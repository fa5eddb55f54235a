"""What docs/integrating.md tells integrators to type does what it says, on a running system."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.shop import Shop
from tests.waiting import until

pytestmark = pytest.mark.slow

PAGE = (Path(__file__).parents[2] / "docs" / "integrating.md").read_text()


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def environment(stack, tmp_path):
    """What the blocks find: the gateway, and a token in place of the one that `make` would print."""
    shop = Shop(stack, market="gb", seller="harbour")
    shop.open({"TEA-250": 1000})
    shop.close()
    asked = re.search(r'SELLER=(\S+) MARKET=(\S+) SCOPES="([^"]*)"', PAGE)
    token = stack.token(*asked[3].split(), sellers=[asked[1]], markets=[asked[2]])
    make = tmp_path / "bin" / "make"
    make.parent.mkdir()
    make.write_text(f"#!/bin/sh\necho '{token}'\n")
    make.chmod(0o700)
    path = f"{make.parent}{os.pathsep}{os.environ['PATH']}"
    return {"PATH": path, "WAYBILL": stack.console_url, "TOKEN": token}


def test_a_shop_places_an_order_and_reads_what_becomes_of_it(environment, tmp_path):
    script = "\n".join([*blocks("sh"), 'echo; echo "placed $ORDER"', "cat events.json"])

    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert done.returncode == 0, done.stderr + done.stdout
    order_id = re.search(r"^placed (\S+)$", done.stdout, re.MULTILINE)[1]
    assert f'"order_id":"{order_id}"' in done.stdout


def test_the_reader_of_twenty_lines_prints_what_comes_and_goes_on_where_it_was(environment, tmp_path, stack):
    [reader] = blocks("python")
    assert len(reader.splitlines()) <= 22
    shop = Shop(stack, market="gb", seller="harbour")

    def read_until(number):
        """Have the reader print what comes, and end it once it has kept the place of an order's placing."""
        seen = []
        with subprocess.Popen(
            [sys.executable, "-c", reader], env=environment, cwd=tmp_path, stdout=subprocess.PIPE, text=True
        ) as process:
            for line in process.stdout:
                seen.append(line.split())
                if seen[-1][1:] == ["order.placed", number]:
                    until(lambda: kept.exists() and int(kept.read_text() or 0) >= int(seen[-1][0]))
                    process.kill()
        return seen

    kept = tmp_path / "position"
    first = read_until(shop.place(("TEA-250", 1))["number"])
    while_away = shop.place(("TEA-250", 1))["number"]
    second = read_until(while_away)
    shop.close()

    positions = [int(position) for position, *_ in [*first, *second]]
    assert sorted(set(positions)) == positions
    assert any(line[1:] == ["order.placed", while_away] for line in second)
