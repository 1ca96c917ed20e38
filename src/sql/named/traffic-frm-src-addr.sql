-- Traffic from one source address
-- From AWS's Athena integration of VPC flow logs: VpcFlowLogsTrafficFrmSrcAddr.
-- :address such as 10.0.11.15
SELECT from_unixtime(start) AS time, interface_id, srcaddr, srcport, dstaddr, dstport, protocol, packets, bytes, action
FROM vpc_flow_logs
WHERE srcaddr = :address
ORDER BY start
LIMIT 100
