"""Made-up people with habits, weeks of their lives, and what was odd in them, exactly known."""
