"""All interleavings of a small log, the servers that have it and a client that resumes."""
