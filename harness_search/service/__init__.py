"""A launch as a service: what it says, who may direct it, and how it is found from outside."""
