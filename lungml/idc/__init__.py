"""The Imaging Data Commons: what it holds (offline, by the index that idc-index ships), and getting it."""
