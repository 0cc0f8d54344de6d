"""Raw rows of every rollout and iteration, and pure views of them."""
