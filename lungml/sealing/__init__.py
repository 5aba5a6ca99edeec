"""The test part is sealed: what was registered before, the ledger of its openings, and who may open it."""
