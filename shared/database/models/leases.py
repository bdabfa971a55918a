"""Who is refreshing which query."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from shared.database.models.base import Base, ByteCount, Sha256Hex, hex_digest, not_negative


class QueryLease(Base):
    """The right to refresh one query, until `expires_at`; the row stays when it is given back (`owner` is NULL).

    `fence` grows with every holder. A result is stored with its holder's fence, so that a holder that was
    away while its lease ran out cannot overwrite what the next one stored. `unfinished` counts the refreshes in a row
    that began and never ended, because their processes died.
    """

    __tablename__ = "query_leases"

    fingerprint: Mapped[Sha256Hex] = mapped_column(primary_key=True)
    owner: Mapped[UUID | None]
    fence: Mapped[ByteCount] = mapped_column(default=1, server_default="1")
    expires_at: Mapped[datetime]
    unfinished: Mapped[ByteCount] = mapped_column(default=0, server_default="0")

    __table_args__ = (hex_digest("fingerprint"), not_negative("fence"), not_negative("unfinished"))
