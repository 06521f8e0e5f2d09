"""What every other package builds on: errors, configuration, secrets, validation, scopes.

errors      every way in which a request can fail, as one tree
config      the configuration: what each variable means, its default and its rules
scopes      the permissions that Threads knows
secret      values that never print themselves, and the redaction of texts
validation  reading JSON, texts, times and ids that come from outside
"""
