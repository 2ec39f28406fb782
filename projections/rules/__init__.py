"""The rules that join objects into links."""
