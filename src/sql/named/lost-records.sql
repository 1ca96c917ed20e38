-- Interfaces whose records AWS dropped
-- For an incident. SKIPDATA: what they sent then is not known.
SELECT interface_id, count(*) AS intervals, from_unixtime(min(start)) AS first, from_unixtime(max("end")) AS last
FROM vpc_flow_logs
WHERE log_status = 'SKIPDATA'
GROUP BY interface_id
ORDER BY intervals DESC
