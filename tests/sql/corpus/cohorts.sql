-- Users by when they came first.
WITH firsts AS (SELECT user_pseudo_id, MIN(PARSE_DATE('%Y%m%d', event_date)) AS first_day FROM ga4.events GROUP BY user_pseudo_id) SELECT DATE_TRUNC(first_day, MONTH) AS cohort, COUNT(*) AS users FROM firsts GROUP BY cohort;
WITH firsts AS (SELECT user_pseudo_id, MIN(event_date) AS first_day FROM ga4.events GROUP BY 1) SELECT f.first_day, DATE_DIFF(PARSE_DATE('%Y%m%d', e.event_date), PARSE_DATE('%Y%m%d', f.first_day), WEEK) AS week, COUNT(DISTINCT e.user_pseudo_id) AS users FROM ga4.events AS e JOIN firsts AS f ON f.user_pseudo_id = e.user_pseudo_id GROUP BY 1, 2;
SELECT cohort, week, users, FIRST_VALUE(users) OVER (PARTITION BY cohort ORDER BY week) AS size FROM (SELECT event_date AS cohort, 0 AS week, COUNT(*) AS users FROM ga4.events GROUP BY 1, 2);
SELECT cohort, users / MAX(users) OVER (PARTITION BY cohort) AS kept FROM (SELECT event_date AS cohort, COUNT(DISTINCT user_pseudo_id) AS users FROM ga4.events GROUP BY event_date);
WITH a AS (SELECT user_pseudo_id, MIN(event_timestamp) OVER (PARTITION BY user_pseudo_id) AS first_at, event_timestamp FROM ga4.events) SELECT TIMESTAMP_DIFF(TIMESTAMP_MICROS(event_timestamp), TIMESTAMP_MICROS(first_at), DAY) AS age, COUNT(DISTINCT user_pseudo_id) AS n FROM a GROUP BY age;
SELECT carrier, MIN(flight_date) AS first_flight, MAX(flight_date) AS last_flight FROM flights GROUP BY carrier;
SELECT f.carrier, f.month, COUNT(*) AS n FROM flights AS f JOIN (SELECT carrier, MIN(month) AS month FROM flights GROUP BY carrier) AS c ON c.carrier = f.carrier AND c.month = f.month GROUP BY f.carrier, f.month;
SELECT * EXCEPT (rank) FROM (SELECT tailnum, flight_date, RANK() OVER (PARTITION BY tailnum ORDER BY flight_date) AS rank FROM flights) WHERE rank = 1;
SELECT p.year AS built, COUNT(DISTINCT f.tailnum) AS planes FROM flights AS f JOIN planes AS p ON p.tailnum = f.tailnum GROUP BY built ORDER BY built;
SELECT IF(p.year < 2000, 'old', 'new') AS age, AVG(f.dep_delay) AS delay FROM flights AS f LEFT JOIN planes AS p ON p.tailnum = f.tailnum GROUP BY age;
