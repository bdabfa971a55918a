-- GA4's events, one table a day: sessions, their length, their pages.
SELECT user_pseudo_id, COUNT(*) AS events FROM ga4.events GROUP BY user_pseudo_id;
SELECT event_name, COUNT(DISTINCT user_pseudo_id) AS users FROM ga4.events GROUP BY 1 ORDER BY users DESC LIMIT 10;
SELECT (SELECT value.int_value FROM UNNEST(event_params) WHERE key = 'ga_session_id') AS session_id, user_pseudo_id FROM ga4.events; -- local: array
SELECT user_pseudo_id, (SELECT p.value.string_value FROM UNNEST(event_params) AS p WHERE p.key = 'page_location') AS page FROM ga4.events WHERE event_name = 'page_view';
WITH sessions AS (SELECT user_pseudo_id, (SELECT value.int_value FROM UNNEST(event_params) WHERE key = 'ga_session_id') AS session_id, event_timestamp FROM ga4.events) SELECT user_pseudo_id, session_id, MAX(event_timestamp) - MIN(event_timestamp) AS micros FROM sessions GROUP BY user_pseudo_id, session_id; -- local: array
SELECT CONCAT(user_pseudo_id, CAST((SELECT value.int_value FROM UNNEST(event_params) WHERE key = 'ga_session_id') AS STRING)) AS session FROM ga4.events; -- local: array
SELECT PARSE_DATE('%Y%m%d', event_date) AS day, COUNTIF(event_name = 'session_start') AS sessions FROM ga4.events GROUP BY day;
SELECT TIMESTAMP_MICROS(event_timestamp) AS moment, event_name FROM ga4.events ORDER BY moment;
SELECT device.category, geo.country, COUNT(*) AS n FROM ga4.events GROUP BY device.category, geo.country;
SELECT device.web_info.browser AS browser, APPROX_COUNT_DISTINCT(user_pseudo_id) AS users FROM ga4.events GROUP BY browser;
SELECT e.user_pseudo_id, p.key, COALESCE(p.value.string_value, CAST(p.value.int_value AS STRING)) AS value FROM ga4.events AS e, UNNEST(e.event_params) AS p;
SELECT e.event_name, i.item_name, i.price * i.quantity AS revenue FROM ga4.events AS e CROSS JOIN UNNEST(e.items) AS i WHERE e.event_name = 'purchase';
SELECT i.item_category, SUM(i.price * i.quantity) AS revenue, SUM(i.quantity) AS sold FROM ga4.events, UNNEST(items) AS i GROUP BY i.item_category HAVING revenue > 100;
SELECT event_name, ARRAY_LENGTH(items) AS n FROM ga4.events WHERE ARRAY_LENGTH(items) > 0;
SELECT user_pseudo_id, event_timestamp, LAG(event_timestamp) OVER (PARTITION BY user_pseudo_id ORDER BY event_timestamp) AS before FROM ga4.events;
WITH gaps AS (SELECT user_pseudo_id, event_timestamp, event_timestamp - LAG(event_timestamp) OVER (PARTITION BY user_pseudo_id ORDER BY event_timestamp) AS gap FROM ga4.events) SELECT user_pseudo_id, COUNTIF(gap IS NULL OR gap > 1800000000) AS sessions FROM gaps GROUP BY user_pseudo_id;
WITH marked AS (SELECT user_pseudo_id, event_timestamp, IF(event_timestamp - LAG(event_timestamp) OVER w > 1800000000, 1, 0) AS starts FROM ga4.events WINDOW w AS (PARTITION BY user_pseudo_id ORDER BY event_timestamp)) SELECT user_pseudo_id, SUM(starts) OVER (PARTITION BY user_pseudo_id ORDER BY event_timestamp) AS session FROM marked;
SELECT event_date, COUNT(*) AS n FROM `ga4.events_*` WHERE _TABLE_SUFFIX BETWEEN '20210101' AND '20210131' GROUP BY event_date;
SELECT _TABLE_SUFFIX AS suffix, COUNT(*) AS n FROM `ga4.events_*` GROUP BY suffix;
SELECT traffic_source.source, traffic_source.medium, COUNT(DISTINCT user_pseudo_id) AS users FROM ga4.events GROUP BY 1, 2;
SELECT ANY_VALUE(geo.country HAVING MAX event_timestamp) AS last_country, user_pseudo_id FROM ga4.events GROUP BY user_pseudo_id;
SELECT user_pseudo_id, STRING_AGG(event_name, ' > ' ORDER BY event_timestamp LIMIT 5) AS path FROM ga4.events GROUP BY user_pseudo_id;
SELECT user_pseudo_id, ARRAY_AGG(STRUCT(event_name, event_timestamp AS moment) ORDER BY event_timestamp) AS steps FROM ga4.events GROUP BY user_pseudo_id;
SELECT s.user_pseudo_id, step.event_name FROM (SELECT user_pseudo_id, ARRAY_AGG(STRUCT(event_name, event_timestamp)) AS steps FROM ga4.events GROUP BY user_pseudo_id) AS s, UNNEST(s.steps) AS step;
SELECT ARRAY(SELECT p.key FROM UNNEST(event_params) AS p ORDER BY p.key) AS keys FROM ga4.events;
SELECT ARRAY(SELECT AS STRUCT item_name, price FROM UNNEST(items) WHERE price > 1) AS dear FROM ga4.events; -- local: array
SELECT EXISTS(SELECT 1 FROM UNNEST(event_params) WHERE key = 'engaged') AS engaged FROM ga4.events; -- local: array
SELECT user_pseudo_id FROM ga4.events WHERE 'sale' IN UNNEST(ARRAY(SELECT value.string_value FROM UNNEST(event_params))); -- local: array
SELECT AVG((SELECT SUM(price) FROM UNNEST(items))) AS basket FROM ga4.events; -- local: array
SELECT geo.* FROM ga4.events;
SELECT e.geo.city, e.device.* FROM ga4.events AS e; -- local: fields
SELECT user_pseudo_id, items[SAFE_OFFSET(0)].item_name AS first_item FROM ga4.events;
SELECT event_params[0].value.string_value AS v FROM ga4.events;
SELECT item, place FROM ga4.events, UNNEST(items) AS item WITH OFFSET AS place WHERE place < 3;
SELECT event_name FROM ga4.events AS e WHERE EXISTS (SELECT 1 FROM e.items AS i WHERE i.price > 10);
SELECT (SELECT MAX(i.price) FROM e.items AS i) AS top, e.event_name FROM ga4.events AS e;
SELECT e.event_name, i.price FROM ga4.events AS e LEFT JOIN UNNEST(e.items) AS i;
SELECT e.event_name, i.price FROM ga4.events AS e LEFT JOIN e.items AS i ON i.price > 5;
SELECT e.event_name, i.price FROM ga4.events AS e INNER JOIN e.items AS i ON i.price > 5 INNER JOIN e.event_params AS p ON p.key = i.item_name;
