"""Office containers without the clock that the libraries write into them."""

import io
import zipfile

_EARLIEST = (1980, 1, 1, 0, 0, 0)
_CORE_PROPERTIES = """<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<cp:coreProperties\
 xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties"\
 xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/"\
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><dc:creator>Matter file</dc:creator>\
<dcterms:created xsi:type="dcterms:W3CDTF">2020-01-01T00:00:00Z</dcterms:created>\
</cp:coreProperties>"""


def normalised(packed: bytes) -> bytes:
    """The same container with fixed dates, rights and core properties."""
    written = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(packed)) as source, zipfile.ZipFile(written, "w") as target:
        for entry in source.infolist():
            fixed = zipfile.ZipInfo(entry.filename, _EARLIEST)
            fixed.compress_type, fixed.create_system = zipfile.ZIP_DEFLATED, 3
            fixed.external_attr = 0o644 << 16
            core = entry.filename == "docProps/core.xml"
            data = _CORE_PROPERTIES.encode() if core else source.read(entry)
            target.writestr(fixed, data, compresslevel=9)
    return written.getvalue()
