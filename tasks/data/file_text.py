"""Bytes of a file -> its text; a file that is no table is refused by what it is."""

import gzip
import re
import zlib

from lstm_model.data.columns import count_known, cut
from lstm_model.errors import BarsError

_BINARY = (
    (b"PAR1", "a Parquet file", "write it with DataFrame.to_csv"),
    (b"ARROW1", "an Arrow file", "write it with DataFrame.to_csv"),
    (b"\xd0\xcf\x11\xe0", "an Excel workbook", "save it as CSV UTF-8"),
    (b"\x89HDF", "an HDF5 file", "write it with DataFrame.to_csv"),
    (b"SQLite format 3", "a SQLite database", "export the table as CSV"),
    (b"%PDF", "a PDF document", "download the CSV file instead"),
    (b"\x80\x04", "a Python pickle", "write it with DataFrame.to_csv"),
    (b"\x80\x05", "a Python pickle", "write it with DataFrame.to_csv"),
    (b"\x93NUMPY", "a NumPy array", "write it as a table with a header"),
    (b"BZh", "compressed with bzip2", "unpack it, or compress it with gzip"),
    (b"\xfd7zXZ", "compressed with xz", "unpack it, or compress it with gzip"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", "unpack it, or compress it with gzip"),
)
_WORKBOOK = (b"[Content_Types].xml", b"xl/", b"_rels/")

_JSON = re.compile(r"(?:\{|\[\s*[\[{\"\]])")


def text_of(content: bytes, file: str) -> str:
    """Decode a file: gzip is unpacked; UTF-8, UTF-16 and a header in Windows-1252 are read.

    Raises BarsError, without a ticker, that names what the file is.
    """
    if content.startswith(b"\x1f\x8b"):
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise BarsError(
                f"{file} must be a CSV file but its gzip data is damaged: {error}; download it "
                f"again"
            ) from error
    _refuse_binary(content, file)
    text = _decode(content, file)
    _refuse_other_text(text.lstrip(), file)
    return text


def _refuse_binary(content: bytes, file: str) -> None:
    kinds = list(_BINARY)
    if content.startswith(b"PK\x03\x04"):
        if any(name in content[:4096] for name in _WORKBOOK):
            kinds.append((b"PK", "an Excel workbook", "save it as CSV UTF-8"))
        else:
            kinds.append((b"PK", "a zip archive", "unpack it"))
    for magic, kind, remedy in kinds:
        if content.startswith(magic):
            raise BarsError(f"{file} must be a CSV file but is {kind}; {remedy}")


def _decode(content: bytes, file: str) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    elif content[1:60:2].count(0) > 20:
        encoding = "utf-16-le"
    elif content[:60:2].count(0) > 20:
        encoding = "utf-16-be"
    else:
        encoding = "utf-8-sig"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        header, newline, rows = content.partition(b"\n")
        # Excel in Europe: only the names of columns have letters that are not ASCII.
        if newline and rows.isascii() and encoding == "utf-8-sig":
            return header.decode("cp1252", errors="replace") + "\n" + rows.decode("ascii")
        raise BarsError(
            f"{file} must be a CSV file in UTF-8 but is not: {error}; save it as CSV UTF-8"
        ) from error


def _refuse_other_text(text: str, file: str) -> None:
    start = cut(text[:200])
    if text.startswith("version https://git-lfs"):
        kind, remedy = "a pointer of Git LFS", "fetch the file itself with `git lfs pull`"
    elif text.startswith("<") and count_known(re.split(r"[,;\t|]", text.partition("\n")[0])) < 2:
        # MetaTrader's own headers begin with <DATE> or <TICKER>.
        kind, remedy = "a web page or XML", "download the file itself, not the page that shows it"
    elif _JSON.match(text):
        kind, remedy = "JSON", "ask the source for CSV, or write it with DataFrame.to_csv"
    else:
        return
    raise BarsError(f"{file} must be a CSV file but is {kind} ({start!r}); {remedy}")
