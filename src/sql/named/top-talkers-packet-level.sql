-- The 50 addresses inside the packets with the most traffic
-- From AWS's Athena integration of VPC flow logs: VpcFlowLogsTopTalkersPacketLevel.
SELECT ip, sum(bytes) AS total_bytes
FROM (
  SELECT CASE side WHEN 1 THEN pkt_dstaddr ELSE pkt_srcaddr END AS ip, bytes
  FROM (VALUES (1), (2)) AS sides (side) CROSS JOIN vpc_flow_logs
)
WHERE ip <> '-'
GROUP BY ip
ORDER BY total_bytes DESC
LIMIT 50
