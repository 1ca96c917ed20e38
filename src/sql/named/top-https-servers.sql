-- The 10 servers that received the most HTTPS packets in a week
-- From a guide to Athena. It counts back from the newest day of the inputs, not from today.
SELECT sum(packets) AS packetcount, dstaddr
FROM vpc_flow_logs
WHERE dstport = 443 AND date > (SELECT max(date) FROM vpc_flow_logs) - interval '7' day
GROUP BY dstaddr
ORDER BY packetcount DESC
LIMIT 10
