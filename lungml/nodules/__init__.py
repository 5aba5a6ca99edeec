"""LIDC XML files to readings, and readings to consensus nodules."""
