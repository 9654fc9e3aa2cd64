"""Builds what installs the agent on a box: Debian packages for amd64 and arm64, and one file that runs anywhere."""
