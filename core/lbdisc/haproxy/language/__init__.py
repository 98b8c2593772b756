"""HAProxy's configuration text as a model. Pure, and knows nothing of lbdisc."""
