"""What `init` copies into a new workspace; links to the files of the repository root."""
