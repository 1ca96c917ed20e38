-- Protocols by how often they were rejected
-- From a guide to Athena. All days of the inputs.
SELECT protocol, count(*) AS rejected
FROM vpc_flow_logs
WHERE action = 'REJECT'
GROUP BY protocol
ORDER BY rejected DESC
