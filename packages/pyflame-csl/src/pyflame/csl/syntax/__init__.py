"""Text to tree: tokens, parser, formatter."""
