-- Changes to security groups, network ACLs and routes beside the first rejections after them
-- For an incident. Rejections count for ten minutes after the change.
SELECT c.time, c.caller, c.eventname, c.sourceipaddress, r.srcaddr, r.dstaddr, r.dstport,
  from_unixtime(min(r.start)) AS first_rejected, count(r.start) AS rejected
FROM (
  SELECT from_iso8601_timestamp(eventtime) AS time,
    CAST(to_unixtime(from_iso8601_timestamp(eventtime)) AS bigint) AS second,
    useridentity.arn AS caller, eventname, sourceipaddress
  FROM cloudtrail_logs
  WHERE regexp_like(eventname, 'SecurityGroup|NetworkAcl|Route') AND NOT regexp_like(eventname, '^(Describe|Get|List)')
    AND coalesce(errorcode, '') = ''
) c
LEFT JOIN (
  SELECT srcaddr, dstaddr, dstport, start FROM vpc_flow_logs WHERE action = 'REJECT'
) r ON r.start >= c.second AND r.start < c.second + 600
GROUP BY 1, 2, 3, 4, 5, 6, 7
ORDER BY c.time, first_rejected
LIMIT 100
