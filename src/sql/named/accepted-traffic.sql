-- TCP connections that security groups and network ACLs allowed
-- From AWS's Athena integration of VPC flow logs: VpcFlowLogsAcceptedTraffic.
SELECT srcaddr, dstaddr, dstport, count(*) AS records, sum(packets) AS packets, sum(bytes) AS bytes
FROM vpc_flow_logs
WHERE action = 'ACCEPT' AND protocol = 6
GROUP BY srcaddr, dstaddr, dstport
ORDER BY bytes DESC
LIMIT 50
