-- API calls that failed, by caller
-- For an incident. The most frequent ones.
SELECT useridentity.arn AS caller, eventname, errorcode, count(*) AS calls, min(eventtime) AS first, max(eventtime) AS last
FROM cloudtrail_logs
WHERE errorcode <> ''
GROUP BY 1, 2, 3
ORDER BY calls DESC
LIMIT 50
