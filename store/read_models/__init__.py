"""One file per page-shaped question: what a case file looks like as rows, and the query; never read by a rule."""
