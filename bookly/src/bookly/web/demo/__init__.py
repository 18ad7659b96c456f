"""The token panel's own sessions: visitors watch renewals, and a theft, within two minutes.

They belong to a second `Auth`, in memory, with short times. Accounts and sessions of users are not
touched. Only a browser on the same machine gets there, and only in development.
"""
