"""The pages, and what they need: nothing comes from another host."""
