"""Books: anyone who is logged in reads them all; their owner and admins change them."""
