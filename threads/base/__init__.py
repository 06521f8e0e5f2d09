"""What every other package builds on: errors, configuration, secrets, validation, scopes.

errors        every way in which a request can fail, as one tree
config        the configuration: what each variable means, its default and its rules
scopes        the permissions that Threads knows
secret        values that never print themselves, and the redaction of texts
side_by_side  doing the same with many things at once, and each owner's first one first
validation    reading JSON, texts, times and ids that come from outside
"""
