"""What is looked for, by whom."""
