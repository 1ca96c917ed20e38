-- The 50 pairs of source and destination inside the packets with the most bytes
-- From AWS's Athena integration of VPC flow logs: VpcFlowLogsTotalBytesTransferredPacketLevel.
SELECT pkt_srcaddr, pkt_dstaddr, sum(bytes) AS total_bytes
FROM vpc_flow_logs
WHERE pkt_srcaddr <> '-'
GROUP BY pkt_srcaddr, pkt_dstaddr
ORDER BY total_bytes DESC
LIMIT 50
