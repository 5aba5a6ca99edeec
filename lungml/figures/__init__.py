"""All plots. Matplotlib is imported here and nowhere else; nothing here reads data or opens a window."""
