-- SSH and RDP traffic, from the first record
-- From AWS's Athena integration of VPC flow logs: VpcFlowLogsSshRdpTraffic.
SELECT from_unixtime(start) AS time, interface_id, srcaddr, srcport, dstaddr, dstport, packets, bytes, action
FROM vpc_flow_logs
WHERE srcport IN (22, 3389) OR dstport IN (22, 3389)
ORDER BY start
LIMIT 50
