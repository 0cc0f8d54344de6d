"""Pages for people, as self-contained HTML.

Everything that a model, a proposer, a document or a judge has written is hostile here: templates
show it as text. Nothing in a page asks for anything from elsewhere.
"""
