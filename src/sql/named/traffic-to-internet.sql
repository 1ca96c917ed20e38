-- Addresses outside of private networks that received the most
-- For an incident. What left, to whom, and from which interface.
SELECT interface_id, dstaddr, dstport, sum(bytes) AS bytes, from_unixtime(min(start)) AS first
FROM vpc_flow_logs
WHERE action = 'ACCEPT' AND NOT contains('10.0.0.0/8', CAST(dstaddr AS IPADDRESS))
  AND NOT contains('172.16.0.0/12', CAST(dstaddr AS IPADDRESS))
  AND NOT contains('192.168.0.0/16', CAST(dstaddr AS IPADDRESS))
  AND NOT contains('100.64.0.0/10', CAST(dstaddr AS IPADDRESS))
  AND NOT contains('fc00::/7', CAST(dstaddr AS IPADDRESS))
GROUP BY interface_id, dstaddr, dstport
ORDER BY bytes DESC
LIMIT 50
