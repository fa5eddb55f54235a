"""What screens share of their forms: what is on them, what was typed as the APIs take it, what came of it."""
