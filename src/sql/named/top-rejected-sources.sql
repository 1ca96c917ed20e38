-- The 10 most rejected sources of two weeks
-- From a guide to Athena. It counts back from the newest day of the inputs, not from today.
SELECT srcaddr, count(*) AS rejected
FROM vpc_flow_logs
WHERE action = 'REJECT' AND date > (SELECT max(date) FROM vpc_flow_logs) - interval '14' day
GROUP BY srcaddr
ORDER BY rejected DESC
LIMIT 10
