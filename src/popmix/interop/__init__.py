"""What popmix writes for other programs, and reads from them."""
