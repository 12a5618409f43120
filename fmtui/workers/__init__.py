"""What runs in a process of its own and may import torch."""
