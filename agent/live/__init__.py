"""Live view: WHEP signalling, WebRTC sessions under grants, the status page and the listener that carries them."""
