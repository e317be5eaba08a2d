"""The routes of the control plane, by what they are about."""
