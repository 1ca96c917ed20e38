-- The bytes of IPv6 traffic
-- From AWS's Athena integration of VPC flow logs: VpcFlowLogsIPv6Traffic.
SELECT sum(bytes) AS total_bytes
FROM vpc_flow_logs
WHERE srcaddr LIKE '%:%'
