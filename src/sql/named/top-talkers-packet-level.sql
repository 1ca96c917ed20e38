-- The 50 addresses inside the packets with the most traffic
-- From AWS's Athena integration of VPC flow logs: VpcFlowLogsTopTalkersPacketLevel.
SELECT ip, sum(bytes) AS total_bytes
FROM (
  SELECT pkt_dstaddr AS ip, bytes FROM vpc_flow_logs
  UNION ALL
  SELECT pkt_srcaddr AS ip, bytes FROM vpc_flow_logs
)
WHERE ip <> '-'
GROUP BY ip
ORDER BY total_bytes DESC
LIMIT 50
