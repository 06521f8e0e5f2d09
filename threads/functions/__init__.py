"""HTTP begins and ends here: who is calling, what was sent, what is answered.

endpoint      what all functions share: methods, origins, headers, errors, the log line
callers       who is calling: users, Cloud Tasks, Cloud Scheduler, Meta, visitors
signing_keys  the public keys that verify their tokens
visits        how often a client of whom nothing is known may begin a sign-in
request       reading a request
response      answers, errors, redirects and pages
auth          th_auth_start, th_auth_callback, th_auth_finish
accounts      th_accounts
publish       publish_threads, th_posts
refresh       th_refresh_tokens
upkeep        th_upkeep
meta          th_deauthorize, th_delete_data, th_webhook
"""
