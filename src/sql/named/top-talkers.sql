-- The 50 addresses with the most traffic
-- From AWS's Athena integration of VPC flow logs: VpcFlowLogsTopTalkers.
SELECT ip, sum(bytes) AS total_bytes
FROM (
  SELECT dstaddr AS ip, bytes FROM vpc_flow_logs
  UNION ALL
  SELECT srcaddr AS ip, bytes FROM vpc_flow_logs
)
WHERE ip <> '-'
GROUP BY ip
ORDER BY total_bytes DESC
LIMIT 50
