"""Text that came from a model or a program, made fit for a terminal."""


def harmless(text: str, longest: int) -> str:
    """One line of at most so many characters, without anything that a terminal would act on:
    control characters, marks that turn the direction of reading, half characters."""
    cut = text[:longest]
    line = "".join(sign if sign.isprintable() else " " for sign in cut)
    return f"{line}..." if len(text) > longest else line
