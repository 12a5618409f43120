"""`make demo`: the main job from end to end, on real weights and data that it makes itself."""
