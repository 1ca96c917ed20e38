-- The 50 pairs of source and destination with the most bytes
-- From AWS's Athena integration of VPC flow logs: VpcFlowLogsTotalBytesTransferred.
SELECT srcaddr, dstaddr, sum(bytes) AS total_bytes
FROM vpc_flow_logs
WHERE srcaddr <> '-'
GROUP BY srcaddr, dstaddr
ORDER BY total_bytes DESC
LIMIT 50
