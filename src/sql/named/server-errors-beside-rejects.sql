-- Answers 5xx of load balancers beside rejected packets, every five minutes
-- For an incident. Minutes that have neither are left out.
SELECT from_unixtime(coalesce(e.bin, r.bin) * 300) AS time, coalesce(e.errors, 0) AS errors,
  coalesce(e.requests, 0) AS requests, coalesce(r.rejected, 0) AS rejected
FROM (
  SELECT CAST(floor(to_unixtime(from_iso8601_timestamp(time)) / 300) AS bigint) AS bin,
    count_if(elb_status_code >= 500) AS errors, count(*) AS requests
  FROM alb_access_logs
  GROUP BY 1
) e
FULL OUTER JOIN (
  SELECT start / 300 AS bin, sum(packets) AS rejected
  FROM vpc_flow_logs
  WHERE action = 'REJECT'
  GROUP BY 1
) r ON e.bin = r.bin
WHERE coalesce(e.errors, 0) > 0 OR coalesce(r.rejected, 0) > 0
ORDER BY time
