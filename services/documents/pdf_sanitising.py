"""Uploaded PDFs rebuilt from what their pages show, in a separate process with tight limits.

A PDF may act as it is opened, carry files, or be made to break who reads it. Only what is painted is taken
over; whoever wants the rest fetches the upload itself, which is served as an attachment.
"""

import resource
import subprocess
import sys
from collections.abc import Iterator
from io import BytesIO
from typing import Any

MOST_PAGES = 200
LARGEST = 64 << 20
_SECONDS = 20  # of processor time
_PATIENCE_SECONDS = 40
_MEMORY = 1 << 30

# What a page needs to be painted, and its resources; all else is left out, whatever it is called.
_OF_A_PAGE = {"/Type", "/MediaBox", "/CropBox", "/Rotate", "/UserUnit", "/Group", "/Resources", "/Contents"}
_RESOURCES = {"/Font", "/XObject", "/ExtGState", "/ColorSpace", "/Pattern", "/Shading", "/ProcSet"}
# What acts, carries files or reaches outside wherever it stands (ISO 32000-2, 7.11, 8.10.4, 12.6, 12.7, 13).
_NEVER = {
    "/AA",
    "/AcroForm",
    "/AF",
    "/Alternates",
    "/Annots",
    "/EF",
    "/EmbeddedFiles",
    "/JavaScript",
    "/JS",
    "/Launch",
    "/Metadata",
    "/OPI",
    "/OpenAction",
    "/PieceInfo",
    "/Ref",
    "/RichMedia",
    "/SubmitForm",
    "/URI",
    "/XFA",
}
_OUTSIDE = {"/F", "/FFilter", "/FDecodeParms"}  # of a stream: that its bytes are in another file


class Unreadable(Exception):  # noqa: N818 - reads as what happened
    """A PDF can never be rebuilt; the text says why."""


def rebuilt(pdf: bytes) -> bytes:
    """The pages of a PDF as printed, with comments and form fields flattened, and no active content.

    Raises Unreadable: locked by a password, more than MOST_PAGES, broken, too much work.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-m", "services.documents.pdf_sanitising"],
            input=pdf,
            capture_output=True,
            check=False,
            timeout=_PATIENCE_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise Unreadable("takes too long to read") from error
    if done.returncode == 0 and len(done.stdout) <= LARGEST:
        return done.stdout
    if done.returncode == 1 and (words := done.stderr.decode(errors="replace").strip()):
        raise Unreadable(words.splitlines()[-1])
    raise Unreadable("is too complex to read")  # killed at a limit, or it broke its reader


def _rebuild(pdf: bytes) -> bytes:
    from pypdf import PdfReader, PdfWriter  # noqa: PLC0415 - in the child alone

    writer = PdfWriter()
    for page in PdfReader(BytesIO(_flattened(pdf))).pages:
        for key in set(page) - _OF_A_PAGE:
            del page[key]
        _clean(page, set())
        writer.add_page(page)
    whole = BytesIO()
    writer.write(whole)
    return whole.getvalue()


def _flattened(pdf: bytes) -> bytes:
    """A new file with the same pages, and their annotations flattened."""
    import pypdfium2  # noqa: PLC0415 - in the child alone
    from pypdfium2 import raw  # noqa: PLC0415

    try:
        document = pypdfium2.PdfDocument(pdf)
    except pypdfium2.PdfiumError as error:
        locked = getattr(error, "err_code", None) == raw.FPDF_ERR_PASSWORD
        raise Unreadable("is protected by a password" if locked else "is not a readable PDF") from error
    if not 0 < len(document) <= MOST_PAGES:
        raise Unreadable(f"has {len(document)} pages; {MOST_PAGES} at most")
    for index in range(len(document)):
        raw.FPDFPage_Flatten(document[index], raw.FLAT_PRINT)
    copy = pypdfium2.PdfDocument.new()  # without the passwords and the catalogue of the first
    copy.import_pages(document)
    file = BytesIO()
    copy.save(file)
    return file.getvalue()


def _clean(start: Any, seen: set[int]) -> None:
    """Remove forbidden entries from an object and everything it references."""
    from pypdf.generic import StreamObject  # noqa: PLC0415

    left = [start]
    while left:
        each = left.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, dict):
            forbidden = _NEVER | (_OUTSIDE if isinstance(each, StreamObject) else set())
            for key in set(each) & forbidden:
                del each[key]
            resources = each.get("/Resources")
            if isinstance(resources, dict):
                for key in set(resources) - _RESOURCES:
                    del resources[key]
        left.extend(_parts(each))


def _parts(whole: Any) -> Iterator[Any]:
    if isinstance(whole, dict):
        parts = [part for key, part in dict.items(whole) if key != "/Parent"]
    elif isinstance(whole, list):
        parts = list(whole)
    else:
        return
    for part in parts:
        found = part.get_object()
        if found is not None:
            yield found


def _main() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        sys.stdout.buffer.write(_rebuild(sys.stdin.buffer.read()))
    except Unreadable as error:
        sys.exit(str(error))
    except MemoryError:
        sys.exit("is too complex to read")
    except Exception:  # noqa: BLE001 - whatever a reader stumbles over is in the file
        sys.exit("is not a readable PDF")


if __name__ == "__main__":
    _main()
