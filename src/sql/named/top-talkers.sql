-- The 50 addresses with the most traffic
-- From AWS's Athena integration of VPC flow logs: VpcFlowLogsTopTalkers.
SELECT ip, sum(bytes) AS total_bytes
FROM (
  SELECT CASE side WHEN 1 THEN dstaddr ELSE srcaddr END AS ip, bytes
  FROM (VALUES (1), (2)) AS sides (side) CROSS JOIN vpc_flow_logs
)
WHERE ip <> '-'
GROUP BY ip
ORDER BY total_bytes DESC
LIMIT 50
