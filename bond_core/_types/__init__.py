"""What a plugin hands over: typed descriptions of its sources, transforms, sinks and the rest.

They are collected once, at start-up. A field with a default can always be added, so a plugin
written today keeps working. Factories import their heavy parts when they are called, not before.
"""
