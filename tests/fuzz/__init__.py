"""What a hostile writer may say, and the programs that say it: `make fuzz`, `make hostile`."""
