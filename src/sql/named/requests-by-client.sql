-- HTTP requests by verb and client
-- From a guide to Athena. The most frequent ones.
SELECT count(request_verb) AS count, request_verb, client_ip
FROM alb_access_logs
GROUP BY request_verb, client_ip
ORDER BY count DESC
LIMIT 100
