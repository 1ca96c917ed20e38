-- 100 flows of a day
-- From a guide to Athena. The first ones of the day.
-- :date such as 2020-05-04
SELECT *
FROM vpc_flow_logs
WHERE date = date(:date)
ORDER BY start
LIMIT 100
