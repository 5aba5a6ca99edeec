"""The HTML report: one file with everything in it, for people. The only importer of Jinja2."""
