"""Uploads: one file per request, its type detected from the content, served as an attachment."""

from io import BytesIO
from typing import Any
from uuid import UUID

from flask import Response, request
from PIL import Image, ImageOps
from sqlalchemy.orm import Session
from werkzeug.datastructures import FileStorage

from services.documents import queries
from services.documents.api.content import answer_bytes, files_of
from services.documents.api.schemas.papers import PaperSchema, RemovalSchema
from services.documents.api.schemas.uploads import LogoSchema
from services.documents.commands import papers, uploads
from services.documents.domain.papers import UPLOADED_KINDS
from services.documents.domain.uploads import (
    KEPT_LOGO_SIDE,
    LARGEST_LOGO,
    LARGEST_LOGO_SIDE,
    LARGEST_UPLOAD,
    LOGO_TYPES,
    SUFFIXES,
    clean_filename,
    content_type_of,
)
from services.documents.models import Logo, Paper
from shared.access import actor_of
from shared.errors import Invalid, NotFound
from shared.events.snapshots import PaperKind
from shared.web.auth import requires
from shared.web.blueprint import Blueprint
from shared.web.commands import command, query
from shared.web.rate_limits import Kind, counted_as

blueprint = Blueprint(
    "uploads",
    __name__,
    url_prefix="/v1",
    description="Files that staff upload to orders, and sellers' logos.",
)


def form_of(*kinds: PaperKind) -> dict[str, Any]:
    """The multipart body for the OpenAPI document; the views parse it themselves.

    A schema would be asked before the idempotency key, which is held to the whole body, was read.
    """
    properties: dict[str, Any] = {"file": {"type": "string", "format": "binary"}}
    if kinds:
        properties["kind"] = {"type": "string", "enum": sorted(kinds)}
    schema = {"type": "object", "required": sorted(properties), "properties": properties}
    return {"required": True, "content": {"multipart/form-data": {"schema": schema}}}


@blueprint.route("/orders/<uuid:order_id>/uploads", methods=["POST"])
@blueprint.doc(requestBody=form_of(*UPLOADED_KINDS))
@blueprint.response(201, PaperSchema)
@requires("documents:issue")
@counted_as(Kind.UPLOADS)
@command
def upload_document(session: Session, order_id: UUID) -> Paper:
    """Upload a file to an order's documents: PDF, PNG, JPEG or WebP, by its content, up to 10 MiB.

    Publishes `document.stored`. Refused (409) with its reason: `person_erased`.
    """
    return keep_upload(session, order_id, UPLOADED_KINDS)


@blueprint.route("/documents/<uuid:document_id>/remove", methods=["POST"])
@blueprint.arguments(RemovalSchema)
@blueprint.response(200, PaperSchema)
@requires("documents:issue")
@command
def remove_upload(session: Session, removal: dict[str, Any], document_id: UUID) -> Paper:
    """Remove a file uploaded by mistake: the file is deleted, its record is kept.

    Refused (409) with its reason: `made_by_the_system`, `wrong_status`. Publishes `document.removed`.
    """
    return papers.remove_upload(session, document_id, removal["reason"])


@blueprint.route("/sellers/<seller>/logo", methods=["PUT"])
@blueprint.doc(requestBody=form_of())
@blueprint.response(200, LogoSchema)
@requires("documents:issue")
@counted_as(Kind.UPLOADS)
@command
def put_logo(session: Session, seller: str) -> Logo:
    """Set a seller's logo for future documents, PNG or JPEG, up to 1 MiB; existing documents don't change.

    It is drawn anew, up to 1,000 pixels a side: nothing but what it shows is kept.
    """
    _, content, content_type = _file(LARGEST_LOGO)
    if content_type not in LOGO_TYPES:
        raise Invalid(file="must be a PNG or JPEG")
    return uploads.set_logo(session, seller, content=_redrawn(content), content_type=content_type)


@blueprint.route("/sellers/<seller>/logo", methods=["DELETE"])
@blueprint.response(200, LogoSchema)
@requires("documents:issue")
@command
def delete_logo(session: Session, seller: str) -> Logo:
    """Remove a seller's logo; future documents show the seller's initials instead.

    Documents that there are do not change.
    """
    return uploads.set_logo(session, seller, content=b"", content_type="")


@blueprint.route("/sellers/<seller>/logo", methods=["GET"])
@blueprint.response(200, {"type": "string", "format": "binary"}, content_type="image/png")
@blueprint.doc(responses=files_of(*sorted(LOGO_TYPES)))
@requires("documents:read")
@query
def get_logo(session: Session, seller: str) -> Response:
    """The current logo for a seller's documents."""
    _require_seller(session, seller)
    logo = queries.newest_logo(session, seller)
    if logo is None or logo.sha256 is None:
        raise NotFound("logo of", seller)
    return answer_bytes(session, logo.sha256, logo.content_type, f"logo{SUFFIXES[logo.content_type]}")


def keep_upload(session: Session, order_id: UUID, kinds: frozenset[PaperKind]) -> Paper:
    """Store the uploaded file with the order's documents."""
    kind = request.form.get("kind", "")
    filename, content, content_type = _file(LARGEST_UPLOAD)
    if kind not in kinds:
        raise Invalid(kind=f"must be one of: {', '.join(sorted(kinds))}")
    return uploads.keep_upload(
        session,
        order_id,
        PaperKind(kind),
        filename=clean_filename(filename, content_type),
        content_type=content_type,
        content=content,
    )


def _file(largest: int) -> tuple[str, bytes, str]:
    """Name, bytes and type of the uploaded file; raises Invalid saying what is wrong with it."""
    try:
        # A part may come without a name.
        named = ({*request.form} - {"kind"}) | ({*request.files} - {"file"})
        if unknown := sorted(name or "body" for name in named):
            raise Invalid(**dict.fromkeys(unknown, "Unknown field."))
        files: list[FileStorage] = request.files.getlist("file")
        if len(files) != 1:
            raise Invalid(file="must be a single file, sent as multipart/form-data")
        content = files[0].stream.read(largest + 1)
    finally:
        request.close()  # large files wait on the disk
    if len(content) > largest:
        raise Invalid(file=f"is larger than {largest >> 20} MiB")
    content_type = content_type_of(content)
    if content_type is None:
        raise Invalid(file=f"must be one of: {', '.join(sorted(SUFFIXES))}")
    return files[0].filename or "", content, content_type


def _redrawn(content: bytes) -> bytes:
    """A picture re-encoded from its pixels, without any other data in the file."""
    try:
        with Image.open(BytesIO(content)) as image:
            if max(image.size) > LARGEST_LOGO_SIDE:
                raise Invalid(file=f"must be at most {LARGEST_LOGO_SIDE} pixels per side")
            kind = image.format
            drawn = ImageOps.exif_transpose(image)
            drawn.thumbnail((KEPT_LOGO_SIDE, KEPT_LOGO_SIDE))
            if drawn.mode not in {"RGB", "RGBA", "L"}:
                drawn = drawn.convert("RGBA" if kind == "PNG" else "RGB")
            bare = Image.new(drawn.mode, drawn.size)
            bare.paste(drawn)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise Invalid(file="is not a readable picture") from error
    file = BytesIO()
    bare.save(file, kind, quality=95)
    return file.getvalue()


def _require_seller(session: Session, seller: str) -> None:
    if not actor_of(session).may_see_seller(seller):
        raise NotFound("seller", seller)
