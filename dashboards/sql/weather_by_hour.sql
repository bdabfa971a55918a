-- How the hours of the year spread over wind and delay at one airport, in steps of 5 mph and 10 minutes.
-- Counted here rather than drawn point by point: some fifty rows travel instead of six thousand, and none is cut off.
-- Both tables are partitioned by date, so both get a filter on their date: BigQuery prunes each on its own.
WITH hours AS (
  SELECT
    f.time_hour,
    AVG(f.dep_delay) AS delay,
    ANY_VALUE(w.wind_speed) AS wind_speed,
    ANY_VALUE(w.precip) AS rainfall
  FROM flights AS f
  JOIN weather AS w ON w.origin = f.origin AND w.time_hour = f.time_hour
  WHERE f.origin = @origin
    AND f.flight_date BETWEEN '2013-01-01' AND '2013-12-31'
    AND w.weather_date BETWEEN '2013-01-01' AND '2013-12-31'
    AND w.wind_speed IS NOT NULL
  GROUP BY f.time_hour
  HAVING COUNT(f.dep_delay) >= 5
),
steps AS (
  SELECT
    FLOOR(wind_speed / 5) * 5 AS wind_from,
    LEAST(FLOOR(delay / 10) * 10, 120) AS delay_from,
    rainfall
  FROM hours
)
SELECT
  wind_from,
  wind_from + 5 AS wind_to,
  delay_from,
  delay_from + 10 AS delay_to,
  COUNT(*) AS hours,
  COUNTIF(rainfall > 0) / COUNT(*) AS rainy_share
FROM steps
GROUP BY wind_from, delay_from
ORDER BY wind_from, delay_from
