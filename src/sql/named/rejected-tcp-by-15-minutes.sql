-- Rejected TCP packets, every 15 minutes
-- From a guide to Athena. What a CloudWatch metric filter would count.
SELECT from_unixtime(start / 900 * 900) AS time, count(*) AS records, sum(packets) AS packets
FROM vpc_flow_logs
WHERE action = 'REJECT' AND protocol = 6
GROUP BY start / 900
ORDER BY time
