"""The register: every act on a mast entered for good, signed, and checkable with tools that are not ours.

canonical, tree, notes, bodies, entries    decide: values in, values out
disk, sections, files, reading             the files
register                                   the one writer
ledger                                     the same for the rest of the agent, whatever the disk does
proving, report                            whoever reads: `vigie register verify` and `show`
witnessing                                 what is said between a mast and its witness
"""

from agent.register.bodies import Entered
from agent.register.entries import Entry
from agent.register.register import Register

__all__ = ["Entered", "Entry", "Register"]
