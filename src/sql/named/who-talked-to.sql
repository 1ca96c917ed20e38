-- Who exchanged packets with an address, on which port
-- For an incident. Both directions count, and so do rejected packets.
-- :address such as 10.0.11.15
SELECT peer, protocol, port, count_if(action = 'ACCEPT') AS accepted, count_if(action = 'REJECT') AS rejected,
  sum(bytes) AS bytes, from_unixtime(min(start)) AS first, from_unixtime(max(start)) AS last
FROM (
  SELECT srcaddr AS peer, protocol, least(srcport, dstport) AS port, action, bytes, start
  FROM vpc_flow_logs WHERE dstaddr = :address
  UNION ALL
  SELECT dstaddr AS peer, protocol, least(srcport, dstport) AS port, action, bytes, start
  FROM vpc_flow_logs WHERE srcaddr = :address
)
GROUP BY peer, protocol, port
ORDER BY bytes DESC
