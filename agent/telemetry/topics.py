"""Where each message goes. Decides; touches nothing.

>>> Topics("lievin", "lievin-042").camera_state("parvis-fixed")
'vigie/lievin/lievin-042/camera/parvis-fixed/state'
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of one mast; the configuration allows nothing in an identifier that MQTT would read as a pattern."""

    town: str
    mast: str

    @property
    def root(self) -> str:
        """The prefix that only this mast may write under."""
        return f"vigie/{self.town}/{self.mast}"

    @property
    def status(self) -> str:
        """Birth, will and clean stop; retained."""
        return f"{self.root}/status"

    @property
    def health(self) -> str:
        """The mast's health; retained."""
        return f"{self.root}/health"

    @property
    def event(self) -> str:
        """What happens; not retained."""
        return f"{self.root}/event"

    def camera_state(self, camera: str) -> str:
        """One camera's state; retained."""
        return f"{self.root}/camera/{camera}/state"

    def camera_ptz(self, camera: str) -> str:
        """Where one camera's head points; retained."""
        return f"{self.root}/camera/{camera}/ptz"

    @property
    def checkpoint(self) -> str:
        """The register's signed head; retained."""
        return f"{self.root}/register/checkpoint"

    @property
    def discovery(self) -> str:
        """Home Assistant's device discovery; retained."""
        return f"homeassistant/device/{self.mast}/config"

    @property
    def client_id(self) -> str:
        """The MQTT client identifier: one per mast, so that a second connection takes over the first."""
        return f"vigie-{self.town}-{self.mast}"
