"""The promises of the contract, grouped; ``lbdisc.testing.contract`` puts them together."""
