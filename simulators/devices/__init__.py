"""Devices of each convention, as they speak on the wire. Pure."""
