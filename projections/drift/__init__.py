"""What scans find beside what notifications had led to believe."""
