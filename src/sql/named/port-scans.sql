-- Sources that tried many ports or many addresses
-- For an incident. More than 20 ports or addresses of rejected packets.
SELECT srcaddr, count(DISTINCT dstport) AS ports, count(DISTINCT dstaddr) AS addresses, sum(packets) AS packets,
  from_unixtime(min(start)) AS first, from_unixtime(max(start)) AS last
FROM vpc_flow_logs
WHERE action = 'REJECT'
GROUP BY srcaddr
HAVING count(DISTINCT dstport) > 20 OR count(DISTINCT dstaddr) > 20
ORDER BY ports DESC, addresses DESC
LIMIT 50
