-- Steps one after another, and who is left.
WITH steps AS (SELECT user_pseudo_id, MAX(IF(event_name = 'view_item', 1, 0)) AS viewed, MAX(IF(event_name = 'add_to_cart', 1, 0)) AS added, MAX(IF(event_name = 'purchase', 1, 0)) AS bought FROM ga4.events GROUP BY user_pseudo_id) SELECT SUM(viewed) AS viewed, SUM(added) AS added, SUM(bought) AS bought FROM steps;
SELECT COUNT(DISTINCT IF(event_name = 'view_item', user_pseudo_id, NULL)) AS viewed, COUNT(DISTINCT IF(event_name = 'purchase', user_pseudo_id, NULL)) AS bought FROM ga4.events;
WITH v AS (SELECT user_pseudo_id, MIN(event_timestamp) AS moment FROM ga4.events WHERE event_name = 'view_item' GROUP BY 1), p AS (SELECT user_pseudo_id, MIN(event_timestamp) AS moment FROM ga4.events WHERE event_name = 'purchase' GROUP BY 1) SELECT v.user_pseudo_id, p.moment - v.moment AS took FROM v JOIN p ON p.user_pseudo_id = v.user_pseudo_id AND p.moment > v.moment;
WITH v AS (SELECT DISTINCT user_pseudo_id FROM ga4.events WHERE event_name = 'a'), p AS (SELECT DISTINCT user_pseudo_id FROM ga4.events WHERE event_name = 'b') SELECT COUNT(v.user_pseudo_id) AS a, COUNT(p.user_pseudo_id) AS b FROM v LEFT JOIN p ON v.user_pseudo_id = p.user_pseudo_id;
SELECT step, COUNT(*) AS n FROM (SELECT CASE event_name WHEN 'view_item' THEN 1 WHEN 'purchase' THEN 2 ELSE 0 END AS step FROM ga4.events) WHERE step > 0 GROUP BY step;
SELECT event_name, COUNT(*) / SUM(COUNT(*)) OVER () AS share FROM ga4.events GROUP BY event_name;
SELECT event_name, LEAD(event_name) OVER (PARTITION BY user_pseudo_id ORDER BY event_timestamp) AS next FROM ga4.events;
SELECT a, b, COUNT(*) AS n FROM (SELECT event_name AS a, LEAD(event_name) OVER (PARTITION BY user_pseudo_id ORDER BY event_timestamp) AS b FROM ga4.events) GROUP BY a, b;
SELECT user_pseudo_id FROM ga4.events WHERE event_name = 'view_item' EXCEPT DISTINCT SELECT user_pseudo_id FROM ga4.events WHERE event_name = 'purchase';
SELECT user_pseudo_id FROM ga4.events WHERE event_name = 'view_item' INTERSECT DISTINCT SELECT user_pseudo_id FROM ga4.events WHERE event_name = 'purchase';
SELECT user_pseudo_id, event_name FROM ga4.events QUALIFY ROW_NUMBER() OVER (PARTITION BY user_pseudo_id ORDER BY event_timestamp) = 1;
SELECT SAFE_DIVIDE(COUNTIF(event_name = 'purchase'), COUNT(*)) AS rate, device.category FROM ga4.events GROUP BY device.category;
SELECT FIRST_VALUE(event_name) OVER w AS entered, LAST_VALUE(event_name) OVER w AS left_by FROM ga4.events WINDOW w AS (PARTITION BY user_pseudo_id ORDER BY event_timestamp ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING);
FROM ga4.events |> WHERE event_name IN ('view_item', 'purchase') |> AGGREGATE COUNT(DISTINCT user_pseudo_id) AS users GROUP BY event_name |> ORDER BY users DESC;
FROM ga4.events |> EXTEND event_name = 'purchase' AS bought |> AGGREGATE LOGICAL_OR(bought) AS bought GROUP BY user_pseudo_id |> AGGREGATE COUNTIF(bought) AS buyers, COUNT(*) AS users;
