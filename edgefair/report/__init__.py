"""An audit made readable: text, JSON, and one HTML file."""
