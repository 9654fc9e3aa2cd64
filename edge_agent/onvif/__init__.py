"""Cameras by ONVIF: found in the network, asked what they are, and set (Profile S and T)."""
