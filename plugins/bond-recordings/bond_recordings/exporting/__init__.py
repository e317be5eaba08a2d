"""From lines of events to the files of other programs."""
