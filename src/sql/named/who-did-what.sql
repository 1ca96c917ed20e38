-- Who made which API calls from where
-- From a guide to Athena. The latest ones.
SELECT eventtime, useridentity.arn AS caller, eventsource, eventname, sourceipaddress, errorcode
FROM cloudtrail_logs
ORDER BY eventtime DESC
LIMIT 100
