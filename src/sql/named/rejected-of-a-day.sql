-- 100 rejected TCP flows, with the day of the week (1 is Monday)
-- From a guide to Athena. The first ones.
SELECT day_of_week(date) AS day, date, interface_id, srcaddr, action, protocol
FROM vpc_flow_logs
WHERE action = 'REJECT' AND protocol = 6
ORDER BY start
LIMIT 100
