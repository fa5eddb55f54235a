"""SQL fragments: which webhooks match a feed entry, and how their deliveries are created."""

# As the feed is read: what is of no one seller or market is everybody's.
REACHES = """
    (feed.seller = '*' or '*' = any(webhooks.sellers) or feed.seller = any(webhooks.sellers))
    and (feed.market = '*' or '*' = any(webhooks.markets) or feed.market = any(webhooks.markets))"""
HEARS = f"('*' = any(webhooks.types) or feed.type = any(webhooks.types)) and {REACHES}"
# Due at once, or with what is before it of its order that waits to be tried again. Whoever uses it orders
# rows by position, for the log is paged by their numbers.
OWE = """
    insert into webhook_deliveries (webhook_id, event_id, type, position, order_id, order_number, next_at)
    select webhooks.id, feed.event_id, feed.type, feed.position, feed.order_id, feed.number,
        greatest(now(), (
            select max(next_at) from webhook_deliveries as earlier
            where earlier.line = md5(webhooks.id::text || feed.order_id::text)::uuid
            and earlier.position < feed.position and earlier.state = 'waiting'
            and earlier.sending_until is null
        ))"""
