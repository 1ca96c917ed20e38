-- The 10 addresses with the most traffic to and from administrative web ports
-- From AWS's Athena integration of VPC flow logs: VpcFlowLogsAdminPortTraffic.
SELECT ip, sum(bytes) AS total_bytes
FROM (
  SELECT CASE side WHEN 1 THEN dstaddr ELSE srcaddr END AS ip,
    CASE side WHEN 1 THEN dstport ELSE srcport END AS port, bytes
  FROM (VALUES (1), (2)) AS sides (side) CROSS JOIN vpc_flow_logs
  WHERE dstport IN (8080, 8443, 8888, 9090, 9443, 10000) OR srcport IN (8080, 8443, 8888, 9090, 9443, 10000)
)
WHERE port IN (8080, 8443, 8888, 9090, 9443, 10000)
GROUP BY ip
ORDER BY total_bytes DESC
LIMIT 10
