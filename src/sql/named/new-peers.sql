-- Pairs of addresses of the newest day that no day before it had
-- For an incident. The most bytes come first.
SELECT srcaddr, dstaddr, dstport, sum(bytes) AS bytes
FROM vpc_flow_logs
WHERE date = (SELECT max(date) FROM vpc_flow_logs) AND action = 'ACCEPT'
  AND (srcaddr || ' ' || dstaddr) NOT IN (
    SELECT srcaddr || ' ' || dstaddr FROM vpc_flow_logs
    WHERE date < (SELECT max(date) FROM vpc_flow_logs) AND srcaddr IS NOT NULL AND dstaddr IS NOT NULL
  )
GROUP BY srcaddr, dstaddr, dstport
ORDER BY bytes DESC
LIMIT 50
