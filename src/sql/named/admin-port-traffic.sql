-- The 10 addresses with the most traffic to and from administrative web ports
-- From AWS's Athena integration of VPC flow logs: VpcFlowLogsAdminPortTraffic.
SELECT ip, sum(bytes) AS total_bytes
FROM (
  SELECT dstaddr AS ip, bytes FROM vpc_flow_logs WHERE dstport IN (8080, 8443, 8888, 9090, 9443, 10000)
  UNION ALL
  SELECT srcaddr AS ip, bytes FROM vpc_flow_logs WHERE srcport IN (8080, 8443, 8888, 9090, 9443, 10000)
)
GROUP BY ip
ORDER BY total_bytes DESC
LIMIT 10
