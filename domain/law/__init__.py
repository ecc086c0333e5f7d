"""The law as dated rules, each with its source: a rule is never edited, a newer dated one is added."""
