"""Runs real brokers and nodes in a folder of their own, for the demo, the scenarios and the fault tests.

Everything listens on loopback, on ports that were free, and ends with the Rig.
"""
from .broker import Broker
from .disks import FailingDisk, NotHere, fill, small_disk
from .node import CommandFailed, Done, Node
from .relay import Relay
from .rig import Rig, wait_until

__all__ = ["Broker", "CommandFailed", "Done", "FailingDisk", "Node", "NotHere", "Relay", "Rig", "fill", "small_disk", "wait_until"]
