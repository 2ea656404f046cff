"""From functions to register code, and from module instances to tile classes."""
