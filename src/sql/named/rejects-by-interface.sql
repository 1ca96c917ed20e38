-- Which interfaces reject most, and on which ports
-- For an incident. The port is the destination's.
SELECT interface_id, dstport, protocol, count(*) AS records, sum(packets) AS packets, count(DISTINCT srcaddr) AS sources
FROM vpc_flow_logs
WHERE action = 'REJECT'
GROUP BY interface_id, dstport, protocol
ORDER BY packets DESC
LIMIT 50
