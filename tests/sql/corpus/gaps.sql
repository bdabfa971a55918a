-- Days without rows.
SELECT day, IFNULL(n, 0) AS n FROM UNNEST(GENERATE_DATE_ARRAY('2013-01-01', '2013-12-31')) AS day LEFT JOIN (SELECT flight_date, COUNT(*) AS n FROM flights GROUP BY flight_date) AS f ON f.flight_date = day;
WITH days AS (SELECT day FROM UNNEST(GENERATE_DATE_ARRAY('2013-01-01', '2013-01-31', INTERVAL 1 DAY)) AS day), counted AS (SELECT flight_date AS day, COUNT(*) AS n FROM flights GROUP BY day) SELECT days.day, COALESCE(counted.n, 0) AS n FROM days LEFT JOIN counted ON counted.day = days.day ORDER BY 1;
SELECT d.day, c.carrier, COUNT(f.flight) AS n FROM UNNEST(GENERATE_DATE_ARRAY('2013-01-01', '2013-01-07')) AS day CROSS JOIN airlines AS c JOIN (SELECT DATE '2013-01-01' AS day) AS d ON TRUE LEFT JOIN flights AS f ON f.flight_date = d.day AND f.carrier = c.carrier GROUP BY d.day, c.carrier;
SELECT hour FROM UNNEST(GENERATE_ARRAY(0, 23)) AS hour;
SELECT hour, COUNT(f.flight) AS n FROM UNNEST(GENERATE_ARRAY(0, 23)) AS hour LEFT JOIN flights AS f USING (hour) GROUP BY hour;
SELECT moment FROM UNNEST(GENERATE_TIMESTAMP_ARRAY('2013-01-01', '2013-01-02', INTERVAL 1 HOUR)) AS moment;
SELECT bucket, AVG(temp) AS temp FROM (SELECT TIMESTAMP_TRUNC(time_hour, DAY) AS bucket, temp FROM weather) GROUP BY bucket;
SELECT weather_date, LAST_VALUE(temp IGNORE NULLS) OVER (PARTITION BY origin ORDER BY time_hour) AS temp FROM weather;
WITH RECURSIVE days AS (SELECT DATE '2013-01-01' AS day UNION ALL SELECT DATE_ADD(day, INTERVAL 1 DAY) FROM days WHERE day < '2013-01-31') SELECT days.day, COUNT(f.flight) AS n FROM days LEFT JOIN flights AS f ON f.flight_date = days.day GROUP BY days.day;
WITH islands AS (SELECT tailnum, flight_date, DATE_SUB(flight_date, INTERVAL ROW_NUMBER() OVER (PARTITION BY tailnum ORDER BY flight_date) DAY) AS island FROM (SELECT DISTINCT tailnum, flight_date FROM flights)) SELECT tailnum, MIN(flight_date) AS starts, MAX(flight_date) AS ends FROM islands GROUP BY tailnum, island;
SELECT DATE_BUCKET(flight_date, INTERVAL 7 DAY) AS bucket, COUNT(*) AS n FROM flights GROUP BY bucket;
