"""The whole house on one machine: an embedded Postgres, an embedded Temporal and a simulated city.

Its law: it may use everything, and nothing of the product imports it except `cli`, so that what runs in a county
never depends on what only a demonstration needs.
"""
