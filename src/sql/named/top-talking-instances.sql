-- The 50 instances with the most traffic
-- From AWS's Athena integration of VPC flow logs: VpcFlowLogsTopTalkingInstances.
SELECT instance_id, sum(bytes) AS total_bytes
FROM vpc_flow_logs
WHERE instance_id <> '-'
GROUP BY instance_id
ORDER BY total_bytes DESC
LIMIT 50
