"""Deploys the service to a Google Cloud project, and finds out why a deployment does not work.

command   what ``make deploy`` and ``make doctor`` do
steps     what a project must have: each step says what is missing, and which commands add it
doctor    looks at a configuration, a project and a running deployment, and says what is wrong
pages     explains what Threads shows on its own page
settings  the variables in .env.<project>: what is there stays, what is missing is added
rules     which of the service's documents a project's Firestore rules open
wanted    what this folder's files say of functions, queue and indexes
http      asks for what no command tells
tools     runs gcloud and the Firebase CLI

Nothing here runs on Google Cloud. A step that finds nothing missing runs no command that changes anything,
so both commands can be run again at any time.
"""
