"""What a server is made of: one market log, the sources that fill it, and the streams that read it.

Plugins bring the services that show it to the world (bond_core.components.ServiceSpec).
"""
