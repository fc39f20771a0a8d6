"""The part that judges people by their habits and counts crowds: reads what is found, writes what it means."""
