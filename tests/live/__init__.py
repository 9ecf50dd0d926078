"""Live view, tested with real parts: a real encoder, aiortc as viewer, and headless Chromium."""
