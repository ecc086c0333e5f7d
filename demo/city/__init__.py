"""The simulated city of 婺川市: its registers, its departments and its people, none of whom can exist.

Law of this folder: a service here knows nothing of the product. It is reached over HTTP like the real ones, fails like
the real ones when told to, and keeps a ledger that proves what was done to it and how often.
"""
