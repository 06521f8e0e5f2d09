"""A post: what it may contain, its record and states, and where the record is kept.

content        the options of one post, and of the posts that follow it in its thread
options        all options as one table, and the rules between them
option_values  reading the value of each option, and writing it for Threads
thread_option  reading a thread, or splitting a long text into one
text           the length of a text, its links, and where it may be split
submission     reading a request to publish, from the web app or from a task
change         reading a request to change a scheduled post
ledger         the record of a post, its states and their transitions
repository     records in Firestore
cancel         reading a post, and cancelling one that no delivery has begun
parts          the objects that this package works with
"""
