-- TCP connections that security groups or network ACLs rejected
-- From AWS's Athena integration of VPC flow logs: VpcFlowLogsRejectedTCPTraffic.
SELECT srcaddr, dstaddr, dstport, count(*) AS records, sum(packets) AS packets
FROM vpc_flow_logs
WHERE action = 'REJECT' AND protocol = 6
GROUP BY srcaddr, dstaddr, dstport
ORDER BY records DESC
LIMIT 50
