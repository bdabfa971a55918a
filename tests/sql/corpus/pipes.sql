-- Every pipe operator that BigQuery has and that is read.
FROM flights;
FROM flights |> SELECT carrier, dep_delay + arr_delay AS delay;
FROM flights AS f |> WHERE f.hour > 6 |> EXTEND f.dep_delay * 2 AS twice |> SELECT f.carrier, twice; -- local: pipe
FROM flights |> EXTEND dep_delay + 1 AS d |> EXTEND d * 2 AS e |> SELECT d, e;
FROM flights |> SET origin = LOWER(origin), dep_delay = dep_delay + arr_delay |> SELECT origin, dep_delay; -- local: pipe
FROM airlines |> DROP name; -- local: pipe
FROM airlines |> RENAME name AS airline, carrier AS code; -- local: pipe
FROM flights |> AGGREGATE COUNT(*) AS n, AVG(dep_delay) AS d GROUP BY carrier, origin AS airport;
FROM flights |> AGGREGATE COUNT(*) AS n GROUP AND ORDER BY carrier DESC;
FROM flights |> AGGREGATE COUNT(*) AS n DESC GROUP BY carrier ASC;
FROM flights |> AGGREGATE MAX(distance) AS far;
FROM flights |> AGGREGATE GROUP BY origin, dest;
FROM flights |> AGGREGATE COUNT(*) AS n GROUP BY carrier |> AS f |> JOIN airlines AS a ON a.carrier = f.carrier |> SELECT a.name, f.n;
FROM flights |> LEFT JOIN airlines AS a ON a.carrier = flights.carrier |> SELECT a.name, flights.flight;
FROM airlines |> CROSS JOIN airports |> SELECT faa, carrier;
FROM flights AS f |> JOIN airlines AS a ON a.carrier = f.carrier |> JOIN planes AS p ON p.tailnum = f.tailnum |> AGGREGATE AVG(p.seats) AS seats GROUP BY a.name;
FROM flights |> DISTINCT |> SELECT origin;
FROM flights |> ORDER BY dep_delay DESC |> LIMIT 10 OFFSET 5 |> SELECT tailnum;
FROM flights |> TABLESAMPLE SYSTEM (5 PERCENT) |> SELECT carrier;
FROM flights |> SELECT carrier |> UNION ALL (SELECT carrier FROM airlines), (SELECT name FROM airlines);
FROM flights |> SELECT carrier |> INTERSECT DISTINCT (SELECT carrier FROM airlines) |> ORDER BY carrier;
FROM flights |> SELECT carrier |> EXCEPT DISTINCT (FROM airlines |> SELECT carrier); -- local: pipe
FROM flights |> SELECT origin AS a, dest AS b |> UNION ALL BY NAME (SELECT name AS b, carrier AS a FROM airlines);
FROM flights |> WITH top AS (SELECT MAX(distance) AS m FROM flights) |> CROSS JOIN top |> SELECT m, flight; -- local: pipe
FROM flights |> WINDOW RANK() OVER (ORDER BY dep_delay) AS place |> SELECT place; -- local: pipe
FROM flights |> EXTEND SUM(distance) OVER (PARTITION BY carrier) AS total |> SELECT total;
FROM flights |> ASSERT distance > 0, 'too short' |> SELECT distance; -- local: pipe
SELECT * FROM flights |> WHERE hour > 1 |> AGGREGATE COUNT(*) AS n;
(SELECT carrier FROM flights) |> SELECT carrier AS c;
SELECT carrier, COUNT(*) AS n FROM flights GROUP BY carrier |> WHERE n > 10 |> SELECT carrier; -- local: pipe
SELECT n FROM (FROM flights |> AGGREGATE COUNT(*) AS n);
WITH late AS (FROM flights |> WHERE dep_delay > 60) FROM late |> AGGREGATE COUNT(*) AS n GROUP BY origin;
SELECT name, (FROM flights |> WHERE flights.carrier = airlines.carrier |> AGGREGATE COUNT(*)) AS n FROM airlines;
SELECT (FROM nested.items |> AGGREGATE SUM(price)) AS total FROM nested; -- local: array
SELECT ARRAY(FROM UNNEST(items) |> WHERE price > 1 |> SELECT id) AS ids FROM nested; -- local: array
FROM nested |> CROSS JOIN UNNEST(items) AS i |> AGGREGATE SUM(i.price) AS revenue GROUP BY i.id;
FROM nested AS n |> JOIN n.items AS i ON i.price > 1 |> SELECT i.id, n.user;
FROM nested |> SELECT geo.city, user |> AS t |> SELECT t.city;
FROM flights |> SELECT * EXCEPT (hour) |> SELECT carrier, day;
FROM flights |> SELECT DISTINCT carrier;
FROM flights |> AGGREGATE COUNT(*) GROUP BY carrier; -- local: unnamed
FROM flights |> PIVOT (COUNT(*) FOR carrier IN ('AA')) |> SELECT AA;
