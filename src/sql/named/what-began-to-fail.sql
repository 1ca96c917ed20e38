-- What was accepted first and rejected later
-- For an incident. The earliest rejection comes first.
SELECT srcaddr, dstaddr, dstport, protocol,
  from_unixtime(max(CASE WHEN action = 'ACCEPT' THEN start END)) AS last_accepted,
  from_unixtime(min(CASE WHEN action = 'REJECT' THEN start END)) AS first_rejected,
  count_if(action = 'REJECT') AS rejected
FROM vpc_flow_logs
GROUP BY srcaddr, dstaddr, dstport, protocol
HAVING min(CASE WHEN action = 'ACCEPT' THEN start END) < min(CASE WHEN action = 'REJECT' THEN start END)
ORDER BY first_rejected
LIMIT 100
