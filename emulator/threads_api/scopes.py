"""The permissions that an app can ask for, and how the authorization window words them."""

from __future__ import annotations

BASIC = "threads_basic"
PUBLISH = "threads_content_publish"
READ_REPLIES = "threads_read_replies"
MANAGE_REPLIES = "threads_manage_replies"
DELETE = "threads_delete"
DISCOVER = "threads_profile_discovery"
SEARCH = "threads_keyword_search"
MENTIONS = "threads_manage_mentions"
INSIGHTS = "threads_manage_insights"
TAG_LOCATIONS = "threads_location_tagging"
SHARE_TO_INSTAGRAM = "threads_share_to_instagram"

#: Every scope, with the words of the window. Source: Meta, "Get started > Permissions".
SCOPES: dict[str, str] = {
    BASIC: "See your profile and the threads you post",
    PUBLISH: "Create and publish threads on your behalf",
    READ_REPLIES: "Read the replies to your threads",
    MANAGE_REPLIES: "Reply on your behalf, and hide or approve replies",
    INSIGHTS: "See how your profile and your threads perform",
    MENTIONS: "See the threads that mention you",
    SEARCH: "Search public threads",
    DELETE: "Delete your threads",
    TAG_LOCATIONS: "Tag locations in your threads",
    DISCOVER: "Look up public profiles",
    SHARE_TO_INSTAGRAM: "Share your threads to Instagram",
}
