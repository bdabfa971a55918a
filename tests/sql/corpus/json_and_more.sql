-- JSON, geography, sketches, text and time.
SELECT j.user.name AS name, j['tags'][0] AS tag FROM nested;
SELECT JSON_VALUE(j, '$.user.name') AS name, JSON_QUERY(j, '$.tags') AS tags FROM nested;
SELECT INT64(j.count) AS n, STRING(j.name) AS s, LAX_INT64(j.x) AS x, BOOL(j.ok) AS ok FROM nested;
SELECT tag FROM nested, UNNEST(JSON_QUERY_ARRAY(j, '$.tags')) AS tag;
SELECT TO_JSON_STRING(STRUCT(user, ts)) AS line FROM nested;
SELECT JSON_OBJECT('carrier', carrier, 'name', name) AS o FROM airlines;
SELECT PARSE_JSON('{"a": 1}') AS j, JSON '{"b": 2}' AS k, JSON_TYPE(JSON '1') AS t;
SELECT JSON_SET(j, '$.a', 1) AS j FROM nested;
SELECT JSON_KEYS(j) AS keys FROM nested;
SELECT faa, ST_GEOGPOINT(lon, lat) AS point FROM airports;
SELECT a.faa, b.faa AS other, ST_DISTANCE(ST_GEOGPOINT(a.lon, a.lat), ST_GEOGPOINT(b.lon, b.lat)) AS meters FROM airports AS a JOIN airports AS b ON a.faa < b.faa;
SELECT faa FROM airports WHERE ST_DWITHIN(ST_GEOGPOINT(lon, lat), ST_GEOGPOINT(-73.78, 40.64), 50000);
SELECT ST_ASGEOJSON(ST_MAKELINE(ST_GEOGPOINT(o.lon, o.lat), ST_GEOGPOINT(d.lon, d.lat))) AS line FROM flights AS f JOIN airports AS o ON o.faa = f.origin JOIN airports AS d ON d.faa = f.dest;
SELECT ST_CENTROID_AGG(ST_GEOGPOINT(lon, lat)) AS middle FROM airports; -- local: function
SELECT ST_GEOHASH(ST_GEOGPOINT(lon, lat), 5) AS cell, COUNT(*) AS n FROM airports GROUP BY cell; -- local: function
SELECT HLL_COUNT.EXTRACT(HLL_COUNT.MERGE_PARTIAL(sketch)) AS n FROM (SELECT carrier, HLL_COUNT.INIT(tailnum) AS sketch FROM flights GROUP BY carrier);
SELECT carrier, HLL_COUNT.INIT(tailnum, 12) AS sketch FROM flights GROUP BY carrier; -- local: function
SELECT HLL_COUNT.MERGE(sketch) AS n FROM (SELECT HLL_COUNT.INIT(user) AS sketch FROM nested GROUP BY day);
SELECT KLL_QUANTILES.MERGE_INT64(s, 4) AS q FROM (SELECT KLL_QUANTILES.INIT_INT64(distance) AS s FROM flights GROUP BY carrier); -- local: function
SELECT APPROX_TOP_COUNT(dest, 3) AS top, APPROX_TOP_SUM(dest, distance, 3) AS far FROM flights;
SELECT NET.HOST(user) AS host, NET.REG_DOMAIN(user) AS domain, NET.PUBLIC_SUFFIX(user) AS suffix FROM nested;
SELECT NET.IP_TO_STRING(NET.IP_FROM_STRING('10.0.0.1')) AS ip, NET.SAFE_IP_FROM_STRING('x') AS none, NET.IP_NET_MASK(4, 24) AS mask, NET.IP_TRUNC(b'1234', 8) AS cut;
SELECT NET.IPV4_TO_INT64(b'1234') AS n, NET.IPV4_FROM_INT64(1) AS b, SAFE.NET.IPV4_FROM_INT64(-1) AS s; -- local: form
SELECT UPPER(name) AS u, REGEXP_EXTRACT(name, r'^(\w+)') AS w, SPLIT(name, ' ')[SAFE_OFFSET(0)] AS first FROM airlines;
SELECT FORMAT('%s-%d', carrier, flight) AS id, LPAD(CAST(hour AS STRING), 2, '0') AS h FROM flights;
SELECT FORMAT_DATE('%B', flight_date) AS month, EXTRACT(DAYOFWEEK FROM flight_date) AS dow, EXTRACT(ISOWEEK FROM flight_date) AS week FROM flights;
SELECT DATETIME(time_hour, 'America/New_York') AS local, TIMESTAMP_ADD(time_hour, INTERVAL 1 HOUR) AS next FROM flights;
SELECT DATE_DIFF(flight_date, DATE '2013-01-01', WEEK(MONDAY)) AS w, LAST_DAY(flight_date, MONTH) AS ends FROM flights;
SELECT INTERVAL 90 MINUTE AS i, JUSTIFY_HOURS(INTERVAL 30 HOUR) AS j, MAKE_INTERVAL(day => 3) AS k;
SELECT CAST(flight_date AS STRING FORMAT 'YYYY-MM') AS m, SAFE_CAST(tailnum AS INT64) AS n FROM flights;
SELECT TO_HEX(SHA256(carrier)) AS h, TO_BASE64(MD5(carrier)) AS b, FARM_FINGERPRINT(carrier) AS f FROM airlines;
SELECT 0x10 AS a, 255 & 0x10 AS bit, 1 << 3 AS s, ~1 AS n, 5 ^ 1 AS x;
SELECT b'abc' AS b, rb'a\b' AS rb, r'\d' AS r, '''it's''' AS t, "q" AS q; -- local: form
SELECT 1e3 AS e, .5 AS h, 1. AS o, NUMERIC '1.5' AS n, BIGNUMERIC '2.5' AS b;
SELECT IF(dep_delay > 0, 'late', 'on time') AS s, NULLIF(origin, 'JFK') AS o, IFNULL(tailnum, '?') AS t FROM flights;
SELECT CASE WHEN dep_delay > 60 THEN 'very' WHEN dep_delay > 15 THEN 'a bit' END AS late, COUNT(*) AS n FROM flights GROUP BY late;
SELECT carrier LIKE 'A%' AS a, carrier IN ('AA', 'UA') AS i, dep_delay BETWEEN 0 AND 10 AS b, tailnum IS NOT NULL AS k, origin IS DISTINCT FROM dest AS d FROM flights;
SELECT carrier FROM flights WHERE carrier LIKE ANY ('A%', 'U%');
SELECT RANGE_BUCKET(dep_delay, [0, 15, 60]) AS bucket, COUNT(*) AS n FROM flights GROUP BY bucket;
SELECT GREATEST(dep_delay, arr_delay) AS worst, LEAST(dep_delay, arr_delay) AS best, SIGN(dep_delay) AS s, ROUND(distance / 3, 1) AS r FROM flights;
SELECT SAFE_DIVIDE(SUM(arr_delay), COUNT(*)) AS d, SAFE_ADD(1, 2) AS a FROM flights;
SELECT RANGE_CONTAINS(RANGE(DATE '2013-01-01', DATE '2013-02-01'), flight_date) AS jan FROM flights;
SELECT ERROR('no') AS e, TYPEOF(1) AS t;
SELECT @origin AS o, @days + 1 AS d;
SELECT carrier FROM flights WHERE origin = @origin AND dest IN UNNEST(@dests);
SELECT GENERATE_UUID() AS id, RAND() AS r, CURRENT_DATE('UTC') AS d, CURRENT_TIMESTAMP() AS t;
SELECT SESSION_USER() AS me;
SELECT (carrier).LOWER() AS l, (name).SUBSTR(1, 3).UPPER() AS u FROM airlines;
SELECT (name).(SAFE.SUBSTR)(1, 2) AS s FROM airlines; -- local: form
SELECT WITH(a AS dep_delay + arr_delay, a / 2) AS mean FROM flights; -- local: form
SELECT WITH(a AS 1, b AS a + 1, [a, b]) AS two; -- local: form
SELECT MAX(m) AS m FROM (SELECT carrier, SUM(distance) AS m FROM flights GROUP BY carrier);
SELECT ARRAY_AGG(DISTINCT dest IGNORE NULLS ORDER BY dest LIMIT 3) AS dests FROM flights;
SELECT ARRAY_CONCAT(tags, ['x']) AS t, ARRAY_REVERSE(tags) AS r, ARRAY_TO_STRING(tags, ',') AS s FROM nested;
SELECT ARRAY_FILTER(tags, t -> t != 'x') AS f, ARRAY_TRANSFORM(tags, (t, i) -> CONCAT(t, CAST(i AS STRING))) AS m FROM nested; -- local: function
SELECT COUNT(*) AS n FROM flights TABLESAMPLE SYSTEM (10 PERCENT);
SELECT carrier FROM flights FOR SYSTEM_TIME AS OF TIMESTAMP '2024-01-01 00:00:00+00'; -- local: past
SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 10, privacy_unit_column = tailnum) carrier, COUNT(*) AS n FROM flights GROUP BY carrier; -- local: threshold
SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 10, delta = 0.01, privacy_unit_column = tailnum) carrier, COUNT(*) AS n FROM flights GROUP BY carrier; -- left to the dry run: the analyser is built without this clause
