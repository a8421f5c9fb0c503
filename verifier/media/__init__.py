"""What segments hold: a reader for each kind of segment, and one measure for all of them."""
