-- Rows as columns, and columns as rows.
SELECT * FROM (SELECT carrier, month, dep_delay FROM flights) PIVOT (AVG(dep_delay) FOR month IN (1, 2, 3));
SELECT * FROM (SELECT carrier, month, dep_delay FROM flights) PIVOT (AVG(dep_delay) AS delay, COUNT(*) AS n FOR month IN (1 AS jan, 2 AS feb));
SELECT * FROM (SELECT origin, carrier, distance FROM flights) PIVOT (SUM(distance) FOR origin IN ('JFK', 'LGA', 'EWR'));
SELECT carrier, JFK + LGA AS city FROM (SELECT origin, carrier, distance FROM flights) PIVOT (SUM(distance) FOR origin IN ('JFK', 'LGA'));
SELECT * FROM (SELECT flight_date, carrier FROM flights) PIVOT (COUNT(*) AS n FOR flight_date IN (DATE '2013-01-01', DATE '2013-01-02'));
SELECT * FROM (SELECT dep_delay > 0 AS late, carrier FROM flights) PIVOT (COUNT(*) FOR late IN (TRUE, FALSE));
SELECT * FROM (SELECT hour, distance FROM flights) PIVOT (MAX(distance) FOR hour IN (-1, 0, NULL));
SELECT * FROM (SELECT month, origin, dep_delay FROM flights) PIVOT (AVG(dep_delay) FOR (month, origin) IN ((1, 'JFK'), (2, 'LGA') AS second));
SELECT p.AA FROM (SELECT carrier, distance FROM flights) PIVOT (SUM(distance) FOR carrier IN ('AA', 'UA')) AS p;
SELECT * FROM (SELECT dep_delay, arr_delay, carrier FROM flights) UNPIVOT (delay FOR kind IN (dep_delay, arr_delay));
SELECT * FROM (SELECT dep_delay, arr_delay FROM flights) UNPIVOT INCLUDE NULLS (delay FOR kind IN (dep_delay AS 'out', arr_delay AS 'in'));
SELECT kind, AVG(delay) AS delay FROM (SELECT dep_delay, arr_delay FROM flights) UNPIVOT (delay FOR kind IN (dep_delay, arr_delay)) GROUP BY kind;
SELECT * FROM (SELECT dep_time, dep_delay, arr_time, arr_delay FROM flights) UNPIVOT ((moment, delay) FOR kind IN ((dep_time, dep_delay) AS 'out', (arr_time, arr_delay) AS 'in'));
FROM flights |> SELECT carrier, month, distance |> PIVOT (SUM(distance) AS d FOR month IN (1, 2)) |> ORDER BY carrier;
FROM flights |> SELECT carrier, dep_delay, arr_delay |> UNPIVOT (delay FOR kind IN (dep_delay, arr_delay)) |> AGGREGATE AVG(delay) AS delay GROUP BY carrier, kind;
SELECT * FROM (SELECT carrier, month FROM flights) PIVOT (COUNT(*) FOR carrier IN ('', 'a b', '1x'));
