"""The vault: segments sealed while they are written, the ring on disk, its index, and recovery from a power cut.

Decides (pure): `names`, `chunks`, `cutting`, `rows`, `ring`, `reasons`, and `plan` in `recovery`.
Touches the world: `sealing` (age), `muxer` (PyAV), `index` (SQLite), `disk` and `storage` (files), `intake` (the
camera's queue), `pictures` and `recorder` (the sealing thread), `keeper` (the ring's thread), `vault` (all together),
`report` (reads only, for the command line).
"""

from agent.vault.recorder import Recorder, RecorderFacts
from agent.vault.vault import Vault

__all__ = ["Recorder", "RecorderFacts", "Vault"]
