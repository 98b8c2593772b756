"""Files that HAProxy reads beside its configuration: where they are, what changed, what to do."""
