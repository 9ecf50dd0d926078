"""Time-stamps of a service outside (RFC 3161): that something was there at a time, said by another than the mast.

stamps     decides: a request's bytes, and whether an answer is one to it, by a service whose authority is configured
service    asks over HTTP, within a deadline
"""

from agent.timestamping.service import TimestampService
from agent.timestamping.stamps import Stamp, verify

__all__ = ["Stamp", "TimestampService", "verify"]
