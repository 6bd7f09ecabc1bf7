"""What reads an image at the clinic: file to prediction, on a CPU, without a network."""
