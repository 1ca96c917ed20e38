-- Traffic that security groups or network ACLs rejected
-- From AWS's Athena integration of VPC flow logs: VpcFlowLogsRejectedTraffic.
SELECT srcaddr, dstaddr, protocol, count(*) AS records, sum(packets) AS packets
FROM vpc_flow_logs
WHERE action = 'REJECT'
GROUP BY srcaddr, dstaddr, protocol
ORDER BY records DESC
LIMIT 25
