"""Books: every logged-in user reads all of them; their owner and admins change them."""
