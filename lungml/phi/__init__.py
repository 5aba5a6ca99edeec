"""Patients' identities: taking them out of a folder, and looking for what is left of them."""
