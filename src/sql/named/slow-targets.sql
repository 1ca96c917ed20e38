-- Targets by how long their answers took
-- For an incident. The slowest ones at the 99th percentile come first; times are in seconds.
SELECT target_ip, count(*) AS requests, approx_percentile(target_processing_time, 0.5) AS median,
  approx_percentile(target_processing_time, 0.99) AS p99, max(target_processing_time) AS slowest
FROM alb_access_logs
WHERE target_processing_time >= 0
GROUP BY target_ip
ORDER BY p99 DESC
LIMIT 50
