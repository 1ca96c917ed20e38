-- Answers 5xx by target and path
-- For an incident. target_status_code is - if the target did not answer.
SELECT target_ip, elb_status_code, target_status_code, url_extract_path(request_url) AS path, count(*) AS errors
FROM alb_access_logs
WHERE elb_status_code >= 500
GROUP BY 1, 2, 3, 4
ORDER BY errors DESC
LIMIT 50
