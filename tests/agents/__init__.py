"""What agents are told, against what happened."""
