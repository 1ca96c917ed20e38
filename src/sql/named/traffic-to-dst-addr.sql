-- Traffic to one destination address
-- From AWS's Athena integration of VPC flow logs: VpcFlowLogsTrafficToDstAddr.
-- :address such as 10.0.21.40
SELECT from_unixtime(start) AS time, interface_id, srcaddr, srcport, dstaddr, dstport, protocol, packets, bytes, action
FROM vpc_flow_logs
WHERE dstaddr = :address
ORDER BY start
LIMIT 100
