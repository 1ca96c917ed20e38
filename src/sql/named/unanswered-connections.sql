-- Connections of which only the first packet was logged
-- For an incident. Needs tcp-flags: a SYN (2) that no record of the other direction answers.
SELECT srcaddr, dstaddr, dstport, count(*) AS attempts, from_unixtime(min(start)) AS first, from_unixtime(max(start)) AS last
FROM vpc_flow_logs s
WHERE tcp_flags = 2 AND action = 'ACCEPT' AND NOT EXISTS (
  SELECT 1 FROM vpc_flow_logs a
  WHERE a.srcaddr = s.dstaddr AND a.dstaddr = s.srcaddr AND a.srcport = s.dstport AND a.dstport = s.srcport
)
GROUP BY srcaddr, dstaddr, dstport
ORDER BY attempts DESC
LIMIT 50
