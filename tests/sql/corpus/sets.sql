-- UNION, INTERSECT, EXCEPT, by position and by name; grouping sets; recursion.
SELECT carrier FROM flights UNION ALL SELECT carrier FROM airlines;
SELECT origin AS code FROM flights UNION DISTINCT SELECT faa FROM airports;
SELECT origin AS airport, dep_delay AS delay FROM flights UNION ALL BY NAME SELECT arr_delay AS delay, dest AS airport FROM flights;
SELECT origin AS airport, dep_delay AS delay FROM flights FULL UNION ALL BY NAME SELECT arr_delay AS delay, carrier FROM flights; -- local: by name
SELECT origin AS airport, dep_delay AS delay FROM flights LEFT UNION ALL BY NAME SELECT arr_delay AS delay, carrier FROM flights; -- local: by name
SELECT origin AS airport, dep_delay AS delay FROM flights INNER UNION ALL BY NAME SELECT arr_delay AS delay, carrier FROM flights; -- local: matching
SELECT origin AS airport, dep_delay AS delay FROM flights FULL OUTER UNION ALL BY NAME ON (delay) SELECT arr_delay AS delay, carrier FROM flights; -- local: by name
SELECT origin AS airport, dep_delay AS delay FROM flights UNION ALL CORRESPONDING SELECT arr_delay AS delay, carrier FROM flights; -- local: matching
SELECT origin AS airport, dep_delay AS delay FROM flights UNION ALL STRICT CORRESPONDING SELECT arr_delay AS delay, dest AS airport FROM flights;
SELECT origin AS airport, dep_delay AS delay, hour FROM flights UNION ALL CORRESPONDING BY (delay, airport) SELECT arr_delay AS delay, dest AS airport FROM flights; -- local: by name
SELECT origin FROM flights INTERSECT DISTINCT BY NAME SELECT dest AS origin FROM flights; -- local: by name
SELECT origin FROM flights EXCEPT DISTINCT SELECT dest FROM flights;
(SELECT carrier FROM flights ORDER BY dep_delay LIMIT 1) UNION ALL (SELECT carrier FROM airlines LIMIT 1) ORDER BY carrier;
SELECT 1 AS x UNION ALL (SELECT 2 UNION ALL SELECT 3) ORDER BY x DESC LIMIT 2;
SELECT x FROM ((SELECT carrier AS x FROM flights) UNION ALL (SELECT name FROM airlines));
SELECT origin, carrier, COUNT(*) AS n FROM flights GROUP BY ROLLUP (origin, carrier);
SELECT origin, carrier, COUNT(*) AS n FROM flights GROUP BY CUBE (origin, carrier);
SELECT origin, carrier, COUNT(*) AS n, GROUPING(origin) AS g FROM flights GROUP BY GROUPING SETS ((origin, carrier), origin, ());
SELECT carrier, origin, AVG(dep_delay) AS d FROM flights GROUP BY ALL;
SELECT SUBSTR(dest, 1, 1) AS dest, COUNT(*) AS n FROM flights GROUP BY dest;
SELECT DATE_TRUNC(flight_date, MONTH) AS flight_date, COUNT(*) AS n FROM flights GROUP BY flight_date ORDER BY flight_date;
SELECT carrier, COUNT(*) FROM flights GROUP BY 1 HAVING COUNT(*) > 100 ORDER BY 2 DESC, carrier LIMIT 5 OFFSET 2;
SELECT DISTINCT origin, dest FROM flights;
WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 10) SELECT i FROM n;
WITH RECURSIVE a AS (SELECT x FROM b), b AS (SELECT dep_delay AS x FROM flights) SELECT x FROM a; -- local: forward
WITH RECURSIVE walk AS (SELECT origin AS here, dest AS there, 1 AS steps FROM flights UNION ALL SELECT w.there, f.dest, w.steps + 1 FROM walk AS w JOIN flights AS f ON f.origin = w.there WHERE w.steps < 3) SELECT here, there, steps FROM walk;
WITH a AS (SELECT carrier FROM flights), b AS (SELECT carrier FROM a), c AS (SELECT b.carrier FROM a JOIN b ON a.carrier = b.carrier) SELECT carrier FROM c;
WITH a AS (WITH b AS (SELECT name FROM airlines) SELECT name FROM b) SELECT name AS n FROM a;
WITH flights AS (SELECT name AS carrier FROM airlines) SELECT carrier FROM flights;
SELECT (WITH q AS (SELECT MAX(distance) AS m FROM flights) SELECT m FROM q) AS m;
SELECT * FROM (SELECT AS STRUCT carrier, name FROM airlines); -- differs: struct -- local: value table
SELECT s.name FROM (SELECT AS STRUCT name FROM airlines) AS s; -- local: fields
SELECT carrier, SUM(AVG(dep_delay) GROUP BY origin) AS s FROM flights GROUP BY carrier; -- differs: levels -- local: levels
SELECT s.name FROM (SELECT AS VALUE STRUCT(name, carrier) FROM airlines) AS s; -- local: fields
SELECT * EXCEPT (name) FROM airlines;
SELECT * REPLACE (UPPER(name) AS name) FROM airlines;
SELECT t.select, t.from FROM (SELECT 1 AS `select`, 2 AS `from`) AS t; -- local: form
SELECT a FROM airlines AS a; -- differs: row
SELECT COUNT(a) AS n FROM airlines AS a; -- differs: row
SELECT carrier FROM airlines; -- end
SELECT SUM(AVG(dep_delay) GROUP BY origin) AS s FROM flights; -- local: levels
SELECT s FROM (SELECT STRUCT(carrier, name) AS s FROM airlines); -- local: member
