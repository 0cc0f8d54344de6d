"""What runs inside a sandbox before the code that it was made for. Copied into the kit; imports
nothing of the scaffold."""
