"""What is known before a CSL program runs: types, values, module instances, the layout."""
