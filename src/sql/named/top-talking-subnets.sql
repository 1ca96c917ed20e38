-- The 50 subnets with the most traffic
-- From AWS's Athena integration of VPC flow logs: VpcFlowLogsTopTalkingSubnets.
SELECT subnet_id, sum(bytes) AS total_bytes
FROM vpc_flow_logs
WHERE subnet_id <> '-'
GROUP BY subnet_id
ORDER BY total_bytes DESC
LIMIT 50
