-- Accepted and rejected packets, every hour
-- For an incident. To see when something changed.
SELECT date_trunc('hour', from_unixtime(start)) AS hour, sum(CASE WHEN action = 'ACCEPT' THEN packets END) AS accepted,
  sum(CASE WHEN action = 'REJECT' THEN packets END) AS rejected, sum(bytes) AS bytes
FROM vpc_flow_logs
GROUP BY 1
ORDER BY 1
