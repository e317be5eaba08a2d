"""From the text of a spec to checked objects."""
