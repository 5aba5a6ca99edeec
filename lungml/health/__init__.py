"""What `lungml doctor` looks at: the installation, the workspace, the ledger of the index, the services."""
