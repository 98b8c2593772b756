"""The sample's own tests run where it is installed: ``test_contract_kit_sample.py`` does that."""

collect_ignore = ["tests"]
