"""Marks for tests that need something which pip does not bring; `make test` installs it all where it may."""

import shutil
from pathlib import Path

import pytest

GST_TYPELIBS = tuple(Path("/usr/lib").glob("*/girepository-1.0/GstRtspServer-1.0.typelib"))


def needs(program: str, package: str) -> pytest.MarkDecorator:
    """Skips where `program` is not on PATH, naming the Debian package that brings it."""
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"needs {program}: apt install {package}")


needs_gstreamer = pytest.mark.skipif(
    not GST_TYPELIBS or not Path("/usr/share/doc/opencv-doc/examples/data/vtest.avi").exists(),
    reason="needs apt install gir1.2-gst-rtsp-server-1.0 opencv-doc and GStreamer's plugins",
)
