-- TCP traffic by source address
-- From AWS's Athena integration of VPC flow logs: VpcFlowLogsTopTCPTraffic.
SELECT srcaddr, sum(packets) AS packets, sum(bytes) AS total_bytes
FROM vpc_flow_logs
WHERE protocol = 6
GROUP BY srcaddr
ORDER BY total_bytes DESC
LIMIT 50
