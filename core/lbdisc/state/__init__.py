"""An agent's state folder, and what can be told from it without asking the agent."""
