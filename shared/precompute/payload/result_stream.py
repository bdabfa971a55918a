"""A result's Arrow stream as it is kept: compressed once, served as it lies.

The stored form is one line of JSON followed by the gzip stream and the Zstandard frame. Reading it needs no Arrow.
"""

import gzip
import hashlib
import json
from dataclasses import dataclass
from typing import Self

from shared.precompute.payload.zstd_splice import compress_blocks, splice_zstd


@dataclass(frozen=True)
class ResultStream:
    """One Arrow IPC stream in two encodings; `content_sha256` is over the stream itself."""

    content_sha256: str
    gzipped: bytes
    zstd: bytes

    @classmethod
    def encode(cls, stream: bytes) -> Self:
        """Compress a stream."""
        blocks, window_log = compress_blocks(stream)
        return cls(
            hashlib.sha256(stream).hexdigest(),
            gzip.compress(stream, mtime=0),
            splice_zstd(b"", blocks, b"", window_log=window_log),
        )

    def to_bytes(self) -> bytes:
        """The stored form."""
        header = {"content_sha256": self.content_sha256, "gzip_size": len(self.gzipped)}
        return json.dumps(header).encode() + b"\n" + self.gzipped + self.zstd

    @classmethod
    def from_bytes(cls, stored: bytes) -> Self:
        """Read the stored form. Raises ValueError when it is not one."""
        line, _, encoded = stored.partition(b"\n")
        header = json.loads(line)
        try:
            split = header["gzip_size"]
            return cls(header["content_sha256"], encoded[:split], encoded[split:])
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a stored Arrow stream: {error!r}") from error

    def inflate(self) -> bytes:
        """The stream itself."""
        return gzip.decompress(self.gzipped)
