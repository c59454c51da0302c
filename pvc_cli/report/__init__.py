"""A page to look at: one self-contained HTML file on the whole cluster."""
