"""pytest options of the contract kit."""
