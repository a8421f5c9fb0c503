"""The sandbox: what a child gives up, for good, before it looks at a byte of media.

Layer on layer, so that what one lets through the next one stops. What the machine does not have is left out
and told, see ``Layer``; ``docs/sandbox.md`` describes all of it.
"""

from gopfarm.child.sandbox.layers import Layer, enter, forbid_inspection, leave_network

__all__ = ["Layer", "enter", "forbid_inspection", "leave_network"]
