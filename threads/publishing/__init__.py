"""One request becomes one post: lease, delivery, carousel, thread, schedule.

publish            publishing a post: finds the account and the record, hands both to delivery
schedule           a post for later: its task and its record
share              bounds what runs at once for one user, and puts off what is above it
lease              takes the lease: of several deliveries at once, one has the post
delivery           does what the steps decide: makes the call that publishes, writes, sleeps
steps              decide what comes next: create, publish, wait, search, give up
step_results       what a step may return: what comes next
retry_rules        how soon and how often each thing is tried again, as one table
carousel           the containers of a carousel's items
thread             a root and its replies, one after the other
matching           whether a post that Threads lists is ours
outcome            the results of a delivery and of a request to publish
delete_and_repost  finding, deleting and reposting a published post
dry_run            every check before publishing, without publishing
upkeep             goes on with posts that nobody has gone on with in time
webhook_events     what an event of the webhook changes in a record
parts              the objects that this package works with
"""
