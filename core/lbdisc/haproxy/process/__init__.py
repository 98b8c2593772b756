"""The HAProxy program: checked, started, adopted, reloaded and watched."""
